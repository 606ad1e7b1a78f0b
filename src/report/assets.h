/* The files of src/report/assets as they are in the program. */
#ifndef SEGUE_REPORT_ASSETS_H
#define SEGUE_REPORT_ASSETS_H

extern const unsigned char segue_asset_page[], segue_asset_style[], segue_asset_script[];
extern const long segue_asset_page_size, segue_asset_style_size, segue_asset_script_size;

#endif
