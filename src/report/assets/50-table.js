// ---- large tables: sorted, searched, shown in pieces -------------------------------------------

const PIECE = 20;

/* columns: [{name, label, title, show(value, row), number, cell(row) (an element), sort}], rows(app): objects
 * with these names and the genre's `code`, or {absent: words}. */
class SortTable {
  constructor(app, id, { title, note, columns, rows, sort, wide }) {
    Object.assign(this, { app, id, title, columns, rows, shown: PIECE });
    [this.by, this.down] = sort;
    this.count = el('p', { class: 'count', 'aria-live': 'polite' });
    this.search = el('input', { type: 'search', placeholder: 'Find in this table', 'aria-label': `Find in the table ${title}`,
      oninput: () => { this.shown = PIECE; this.fillBody(); } });
    this.head = el('tr');
    this.body = el('tbody');
    this.more = el('div', { class: 'more' });
    this.note = el('p', { class: 'note' });
    this.makeNote = note;
    this.node = el('section', { class: 'card wide sheet', id, 'aria-labelledby': `${id}-title` },
      el('div', { class: 'head' }, el('h3', { id: `${id}-title` }, title), el('div', { class: 'figure-tools' }, this.search,
        el('button', { type: 'button', 'data-file': 'csv', onclick: () => this.saveCsv() }, 'CSV'))),
      this.note,
      el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${title}` }, el('table', null,
        el('caption', { class: 'unseen' }, title), el('thead', null, this.head), this.body)),
      el('div', { class: 'under' }, this.count, this.more));
    app.figures.push(this);
  }

  fit() {}

  measure() {}

  render() {
    const result = this.rows(this.app);
    this.node.classList.toggle('is-empty', 'absent' in result);
    if (result.absent) return this.note.replaceChildren(el('span', { class: 'empty' }, result.absent));
    this.all = result;
    this.note.replaceChildren(...[this.makeNote?.(this.app) ?? []].flat());
    this.fillHead();
    this.fillBody();
  }

  visibleColumns() {
    return this.columns.filter(c => !c.when || c.when(this.app));
  }

  fillHead() {
    this.head.replaceChildren(...this.visibleColumns().map(c => {
      const active = c.name === this.by;
      return el('th', { scope: 'col', class: c.number ? 'number' : '', 'aria-sort': active ? (this.down ? 'descending' : 'ascending') : 'none' },
        el('button', { type: 'button', title: c.title ?? this.app.data.meaning(c.name), onclick: () => this.sortBy(c) },
          c.label, el('span', { class: 'arrow', 'aria-hidden': 'true' }, active ? (this.down ? '\u2193' : '\u2191') : '\u2195')));
    }));
  }

  sortBy(column) {
    this.down = this.by === column.name ? !this.down : Boolean(column.number);
    this.by = column.name;
    this.shown = PIECE;
    const at = this.visibleColumns().indexOf(column);
    this.fillHead();
    this.fillBody();
    this.head.querySelectorAll('button')[at].focus();
  }

  sorted() {
    const words = this.search.value.trim().toLowerCase();
    const rows = words ? this.all.filter(r => this.columns.some(c => !c.number && String(r[c.name] ?? '').toLowerCase().includes(words))) : [...this.all];
    const sign = this.down ? -1 : 1, chosen = this.app.genre;
    return rows.sort((a, b) => {
      if ((a.code === chosen) !== (b.code === chosen)) return a.code === chosen ? -1 : 1; // the chosen genre stays in sight
      const x = a[this.by] ?? null, y = b[this.by] ?? null;
      if (x === null || y === null) return (x === null) - (y === null); // what is not known comes last either way
      return sign * (typeof x === 'string' ? x.localeCompare(y, 'en') : x - y);
    });
  }

  fillBody() {
    const rows = this.sorted(), columns = this.visibleColumns(), part = rows.slice(0, this.shown);
    this.body.replaceChildren(...part.map(r => el('tr', { class: r.code !== undefined && r.code === this.app.genre ? 'chosen' : '' },
      columns.map((c, i) => {
        const value = c.cell ? c.cell(r, this.app) : c.show ? c.show(r[c.name] ?? null, r) : format.text(r[c.name] === null ? null : tidy(r[c.name]));
        return i === 0 ? el('th', { scope: 'row' }, value) : el('td', { class: c.number ? 'number' : '' }, value);
      }))));
    this.count.textContent = rows.length === part.length ? plural(rows.length, 'row') : `${format.count(part.length)} of ${plural(rows.length, 'row')}`;
    this.more.replaceChildren(...rows.length > part.length
      ? [el('button', { type: 'button', onclick: () => { this.shown += 5 * PIECE; this.fillBody(); } }, `Show ${Math.min(5 * PIECE, rows.length - part.length)} more`)]
      : []);
  }

  saveCsv() {
    const columns = this.columns.filter(c => !c.cell || c.csv !== false);
    download(`${fileName(this.id)}.csv`, 'text/csv;charset=utf-8', csvText({
      columns, rows: this.sorted().map(r => columns.flatMap(c => [r[c.name]])) }));
  }
}

// A genre's name in a table: a button that chooses it.
const genreCell = (r, app) => el('button', { type: 'button', class: 'link', onclick: () => app.choose({ genre: r.code }) }, tidy(app.data.genres[r.code]));

// An interval with its value and the chance level, as a small picture beside the numbers.
function rangeCell(low, value, high, chance, most) {
  const x = v => (4 + v / (most || 1) * 84).toFixed(1);
  const node = svg('svg', { viewBox: '0 0 92 16', width: 92, height: 16, class: 'range', 'aria-hidden': 'true' }, line(4, 8, 88, 8, 'base'));
  if (low !== null && high !== null) node.append(line(x(low), 8, x(high), 8, 'whisker'));
  if (chance !== null) node.append(line(x(chance), 2, x(chance), 14, 'mark'));
  if (value !== null) node.append(svg('circle', { cx: x(value), cy: 8, r: 3.6, class: 'dot' }));
  return node;
}
