'use strict';
// ---- the data, as the program wrote it ---------------------------------------------------------

// One table: columns by name, rows by genre.
class Table {
  constructor(json) {
    this.name = json.name;
    this.madeBy = json.made_by;
    this.meaning = json.meaning;
    this.n = json.rows;
    this.columns = new Map(json.columns.map(c => [c.name, c]));
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

  // A row as an object whose properties are the columns, and `code` the genre's number. They are read when asked
  // for: of thousands of rows a page shows few, and of these not all columns.
  row(i) {
    if (!this.Row) {
      this.Row = class { constructor(number) { this.rowNumber = number; } };
      for (const name of this.columns.keys()) {
        const read = this.reader(name), get = function () { return read(this.rowNumber); };
        Object.defineProperty(this.Row.prototype, name, { get });
        if (name === 'genre') Object.defineProperty(this.Row.prototype, 'code', { get });
      }
    }
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

// A row with some properties more, or others.
const withMore = (row, more) => Object.defineProperties(Object.create(row), Object.getOwnPropertyDescriptors(more));

// Base64 as bytes.
function bytesOf(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// The data stand in one element, or compressed in many: browsers are slow with a single long text. What comes out
// of the decompression is read piece by piece; through a Response it takes several times as long.
async function readData() {
  const plain = document.getElementById('data');
  if (plain) return JSON.parse(plain.textContent);
  if (typeof DecompressionStream === 'undefined')
    throw new Error('this browser is too old for a page of this size (it has no DecompressionStream)');
  const stream = new DecompressionStream('deflate'), writer = stream.writable.getWriter(), decoder = new TextDecoder();
  const write = async () => {
    for (const part of document.querySelectorAll('script.packed')) await writer.write(bytesOf(part.textContent));
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
    this.genres = json.genres.name;
    this.tracks = json.genres.n_tracks;
    this.family = json.genres.family;
    this.madeBy = {};
    for (const [short, name] of Object.entries(NAMES)) {
      const table = json.tables.find(t => t.name === name);
      this.madeBy[short] = table?.made_by ?? '';
      this[short] = table?.columns && table.rows > 0 ? new Table(table) : null;
    }
    const ks = new Set();
    for (const t of [this.audio, this.summary, this.lyrics, this.delta])
      if (t?.has('k')) for (const k of t.values('k')) ks.add(k);
    this.ks = [...ks].filter(k => k !== null).sort((a, b) => a - b);
    const alphas = this.delta?.has('alpha_audio_weight') ? new Set(this.delta.values('alpha_audio_weight')) : [];
    this.alpha = [...alphas].filter(a => a !== null && a < 1).reduce((best, a) => best === null || Math.abs(a - 0.8) < Math.abs(best - 0.8) ? a : best, null);
    this.features = this.predictors ? [...new Set(this.predictors.values('feature'))] : [];
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

// By linear interpolation between the sorted values, which are sorted once for all of them.
function quantiles(values, ...qs) {
  const v = Float64Array.from(known(values)).sort();
  return qs.map(q => {
    if (!v.length) return null;
    const at = (v.length - 1) * q, low = Math.floor(at);
    return v[low] + (v[Math.min(low + 1, v.length - 1)] - v[low]) * (at - low);
  });
}
