'use strict';
// ---- the data, as the program wrote it ---------------------------------------------------------

// A column's values, which may be written as values and how often each comes.
function valuesOf({ values, runs }) {
  if (!runs) return values;
  const out = [];
  for (let i = 0; i < runs.length; i += 2) for (let n = runs[i + 1]; n > 0; n--) out.push(runs[i]);
  return out;
}

// One table: columns by name, rows by genre.
class Table {
  constructor(json) {
    this.name = json.name;
    this.madeBy = json.made_by;
    this.meaning = json.meaning;
    this.n = json.rows;
    this.ks = json.ks;
    this.columns = new Map(json.columns.map(c => [c.name, c]));
    for (const c of json.columns) if (!('all' in c)) c.values = valuesOf(c);
  }

  // The later part: more rows, and the values of columns that had none.
  add({ rows, columns }) {
    for (const [name, part] of Object.entries(columns)) {
      const c = this.columns.get(name);
      for (const v of valuesOf(part)) c.values.push(v);
    }
    this.n = rows;
    this.rowsOf = null;
  }

  has(column) {
    return this.columns.has(column);
  }

  get(column, row) {
    const c = this.columns.get(column);
    if (!c || row === undefined) return null;
    if ('all' in c) return c.all;
    const v = c.values[row];
    return c.names && v !== null ? c.names[v] : v ?? null;
  }

  // Gives a column's values by row number, without looking the column up each time.
  reader(column) {
    const c = this.columns.get(column);
    if (!c) return () => null;
    if ('all' in c) return () => c.all;
    const { names, values } = c;
    return names ? i => values[i] === null ? null : names[values[i]] ?? null : i => values[i] ?? null;
  }

  // Rows as objects whose properties are the columns, `code` the genre's number, and `more` by their functions. They
  // are read when asked for: of thousands of rows a page shows few, and of these not all columns.
  rowClass(more = {}) {
    const Row = class { constructor(number) { this.rowNumber = number; } };
    for (const name of this.columns.keys()) {
      const read = this.reader(name), get = function () { return read(this.rowNumber); };
      Object.defineProperty(Row.prototype, name, { get, configurable: true });
      if (name === 'genre') Object.defineProperty(Row.prototype, 'code', { get });
    }
    for (const [name, of] of Object.entries(more)) Object.defineProperty(Row.prototype, name, { get() { return of(this); } });
    return Row;
  }

  row(i) {
    this.Row ??= this.rowClass();
    return new this.Row(i);
  }

  // Row numbers of a genre, in the table's order.
  of(genre) {
    if (!this.rowsOf) {
      this.rowsOf = new Map();
      const c = this.columns.get('genre');
      for (let i = 0, last = null, rows; i < this.n; i++) {
        const g = c ? c.values[i] : -1;
        if (g !== last) {
          rows = this.rowsOf.get(g);
          if (!rows) this.rowsOf.set(g, rows = []);
          last = g;
        }
        rows.push(i);
      }
    }
    return this.rowsOf.get(genre) ?? [];
  }

  // Genres that have rows, largest first.
  genres() {
    this.of(-1);
    return [...this.rowsOf.keys()].sort((a, b) => a - b);
  }

  // Row numbers of a genre; of all genres with -1.
  rows(genre) {
    return genre < 0 ? Array.from({ length: this.n }, (_, i) => i) : this.of(genre);
  }

  values(column) {
    const read = this.reader(column);
    return Array.from({ length: this.n }, (_, i) => read(i));
  }

  // The rows of a genre as objects; of all genres with -1.
  list(genre) {
    return this.rows(genre).map(i => this.row(i));
  }

  // The genre's row at a cut-off.
  at(genre, k) {
    this.readK ??= this.reader('k');
    return this.of(genre).find(i => this.readK(i) === k);
  }
}

// Base64 as bytes.
function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// One part of the data: in one element, or compressed in many, since browsers are slow with a single long text.
// What comes out of the decompression is read piece by piece; through a Response it takes several times as long.
async function readPart(name) {
  const parts = document.querySelectorAll(`script.${name}`);
  if (!parts[0].matches('.packed')) return JSON.parse(parts[0].textContent);
  if (typeof DecompressionStream === 'undefined')
    throw new Error('this browser is too old for a page of this size (it has no DecompressionStream)');
  const stream = new DecompressionStream('deflate'), writer = stream.writable.getWriter(), decoder = new TextDecoder();
  const write = async () => {
    for (const part of parts) await writer.write(bytesOf(part.textContent));
    await writer.close();
  };
  const read = async () => {
    const reader = stream.readable.getReader();
    const parts = [];
    for (let next; !(next = await reader.read()).done;) parts.push(decoder.decode(next.value, { stream: true }));
    return parts.join('') + decoder.decode();
  };
  const [text] = await Promise.all([read(), write()]);
  return JSON.parse(text);
}

const NAMES = {
  selection: 'results/genre_selection', predictors: 'results/genre_predictors',
  correlations: 'results/feature_correlations', audio: 'results/eval_audio_similarity',
  summary: 'results/eval_summary', hubs: 'results/hubs', sets: 'results/feature_sets',
  lyrics: 'results/eval_audio_lyrics_similarity', sweep: 'results/alpha_sweep',
  delta: 'results/eval_delta_audio_vs_audio_lyrics_flagged', coverage: 'results/lyrics_coverage',
};

// The whole page's data: tables by short name (null where there is none) and genres.
class Data {
  constructor(json) {
    this.json = json;
    this.overview = json.overview;
    this.genres = json.genres.name;
    this.tracks = json.genres.n_tracks;
    this.family = json.genres.family;
    this.madeBy = {};
    for (const [short, name] of Object.entries(NAMES)) {
      const table = json.tables.find(t => t.name === name);
      this.madeBy[short] = table?.made_by ?? '';
      this[short] = table?.columns && table.total > 0 ? new Table(table) : null;
    }
    const ks = new Set(Object.keys(NAMES).flatMap(short => this[short]?.ks ?? []));
    this.ks = [...ks].sort((a, b) => a - b);
    this.chooseAlpha();
    this.features = json.overview.predictors.map(p => p.feature);
  }

  // The later part of the data.
  add(rest) {
    for (const [short, name] of Object.entries(NAMES)) this[short]?.add(rest[name]);
    this.chooseAlpha();
  }

  // The weight of the sound that the page compares at: 0.8, or the nearest below 1.
  chooseAlpha() {
    const alphas = this.delta?.has('alpha_audio_weight') ? new Set(this.delta.values('alpha_audio_weight')) : [];
    this.alpha = [...alphas].filter(a => a !== null && a < 1).reduce((best, a) => best === null || Math.abs(a - 0.8) < Math.abs(best - 0.8) ? a : best, null);
  }

  // What `make` gives, made once for each name.
  once(name, make) {
    this.made ??= new Map();
    if (!this.made.has(name)) this.made.set(name, make());
    return this.made.get(name);
  }

  // The cut-off nearest to the wanted one.
  nearestK(k) {
    return this.ks.reduce((best, v) => Math.abs(v - k) < Math.abs(best - k) ? v : best, this.ks[0] ?? 10);
  }

  // The rows of the comparison with lyrics at a cut-off and the page's weight.
  deltaRows(k) {
    const t = this.delta, out = [];
    for (let i = 0; t && i < t.n; i++)
      if ((!t.has('k') || t.get('k', i) === k) && (this.alpha === null || t.get('alpha_audio_weight', i) === this.alpha))
        out.push(t.row(i));
    return out;
  }

  summaryAt(average, k) {
    if (!this.summary) return null;
    for (let i = 0; i < this.summary.n; i++)
      if (this.summary.get('average', i) === average && this.summary.get('k', i) === k) return this.summary.row(i);
    return null;
  }

  // What columns mean, from the tables' own schema.
  meaning(column) {
    for (const short of Object.keys(NAMES)) {
      const c = this[short]?.columns.get(column);
      if (c?.meaning) return c.meaning;
    }
    return '';
  }
}

// ---- statistics of what is shown ---------------------------------------------------------------

const known = values => values.filter(v => v !== null && v !== undefined && Number.isFinite(v));

function mean(values) {
  const v = known(values);
  return v.length ? v.reduce((a, b) => a + b, 0) / v.length : null;
}
