// ---- elements: texts always go in as text, never as markup -------------------------------------

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {}))
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  node.append(...children.flat(9).filter(c => c !== null && c !== undefined && c !== false));
  return node;
}

const el = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
const strong = text => el('strong', null, text);
const code = text => el('code', null, text);

const pen = document.createElement('canvas').getContext('2d');
const FONT = '13px Inter, system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';

function textWidth(text, font = FONT) {
  pen.font = font;
  return pen.measureText(text).width;
}

// A label that takes at most so many pixels.
function cut(text, width) {
  if (textWidth(text) <= width) return text;
  const characters = Array.from(text);
  let low = 0, high = characters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (textWidth(characters.slice(0, middle).join('') + '…') <= width) low = middle;
    else high = middle - 1;
  }
  return characters.slice(0, low).join('') + '…';
}

// ---- scales ------------------------------------------------------------------------------------

// Round numbers, about `count` of them, from below `low` to above `high`.
function ticks(low, high, count) {
  if (!(high > low)) high = low + 1;
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= rough * 0.999);
  const first = Math.floor(low / step + 1e-9), last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

const scale = (low, high, from, to) => v => from + (v - low) / (high - low || 1) * (to - from);

const line = (x1, y1, x2, y2, kind) => svg('line', { x1, y1, x2, y2, class: kind });
const text = (x, y, words, kind, anchor) => svg('text', { x, y, class: kind, 'text-anchor': anchor }, words);

// ---- rows: bars or dots, one beneath the other -------------------------------------------------

/* spec: rows [{label, value, low, high, mark, hot, weak, tip, genre, parts}], kind 'bar' | 'dot' | 'parts',
 * zero (a line there), zeroLabel, show (text of a value), axis (text of a tick), axisLabel, least
 * (the axis reaches at least to), most, markLabel. Returns {node, hits}. */
function drawRows(spec, width) {
  const step = spec.kind === 'dot' ? 25 : 26, thick = 16, top = spec.zeroLabel ? 26 : 6;
  const rows = spec.rows, values = [];
  for (const r of rows) values.push(...known([r.value, r.low, r.high, r.mark]));
  let low = Math.min(spec.zero ?? Infinity, ...values), high = Math.max(spec.zero ?? -Infinity, ...values);
  if (spec.least !== undefined) { low = Math.min(low, spec.least[0]); high = Math.max(high, spec.least[1]); }
  const labels = Math.min(Math.max(...rows.map(r => textWidth(r.label))) + 14, width * 0.36);
  const shown = rows.map(r => r.parts ? r.note ?? '' : spec.show(r.value));
  const right = Math.max(...shown.map(t => textWidth(t))) + 14;
  const marks = ticks(low, high, Math.max(3, Math.round((width - labels - right) / 85)));
  // A little air at the ends; the axis need not end at a round number.
  const air = (high - low) * 0.03;
  if (low !== spec.zero && low !== spec.least?.[0]) low -= air;
  if (high !== spec.zero && high !== spec.most) high += air;
  if (!(high > low)) high = low + 1;
  const x = scale(low, high, labels, width - right), bottom = top + rows.length * step, height = bottom + (spec.axisLabel ? 40 : 24);
  const node = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, class: rows.some(r => r.hot) ? 'has-hot' : null }), hits = [];
  for (const m of marks.filter(m => m >= low && m <= high)) {
    node.append(line(x(m), top, x(m), bottom, 'gridline'),
      text(x(m), bottom + 16, spec.axis(m), 'tick', 'middle'));
  }
  if (spec.axisLabel) node.append(text((labels + width - right) / 2, bottom + 34, spec.axisLabel, 'tick', 'middle'));
  rows.forEach((r, i) => {
    const y = top + i * step, middle = y + step / 2;
    const group = svg('g', { class: `row${r.hot ? ' hot' : ''}${r.weak ? ' weak' : ''}${r.tone ? ` ${r.tone}` : ''}` });
    group.append(svg('rect', { x: 0, y, width, height: step, class: 'hit' }),
      text(labels - 10, middle + 4.5, cut(r.label, labels - 14), 'label', 'end'));
    if (r.parts) {
      let from = spec.zero ?? 0;
      for (const p of r.parts) {
        if (p.value > 0)
          group.append(svg('rect', { x: x(from), y: middle - thick / 2, width: Math.max(0.5, x(from + p.value) - x(from)), height: thick, class: `part ${p.tone}` }));
        from += p.value;
      }
    } else if (r.value !== null) {
      const zero = x(Math.min(Math.max(spec.zero ?? low, low), high)), at = x(r.value);
      if (spec.kind === 'bar')
        group.append(svg('rect', { x: Math.min(zero, at), y: middle - thick / 2, width: Math.max(1, Math.abs(at - zero)), height: thick, rx: 2.5, class: r.value < (spec.zero ?? 0) ? 'bar below' : 'bar' }));
      if (r.low !== null && r.low !== undefined && r.high !== null && r.high !== undefined)
        group.append(line(x(r.low), middle, x(r.high), middle, 'whisker'), line(x(r.low), middle - 4, x(r.low), middle + 4, 'whisker'),
          line(x(r.high), middle - 4, x(r.high), middle + 4, 'whisker'));
      if (r.mark !== null && r.mark !== undefined) group.append(line(x(r.mark), middle - 8, x(r.mark), middle + 8, 'halo'), line(x(r.mark), middle - 8, x(r.mark), middle + 8, 'mark'));
      if (spec.kind === 'dot')
        group.append(svg('circle', { cx: at, cy: middle, r: r.hot ? 6 : 4.8, class: spec.zero !== undefined && r.value < spec.zero ? 'dot below' : 'dot' }));
    }
    group.append(text(width - 2, middle + 4.5, shown[i], 'value', 'end'));
    node.append(group);
    hits.push({ x: 0, y, w: width, h: step, at: [r.value === null || r.value === undefined ? labels : x(r.value), middle], tip: r.tip, genre: r.genre, group });
  });
  if (spec.zero !== undefined && spec.zero >= low && spec.zero <= high) {
    node.append(line(x(spec.zero), top - (spec.zeroLabel ? 8 : 0), x(spec.zero), bottom, 'zero'));
    if (spec.zeroLabel) node.append(text(x(spec.zero), top - 12, spec.zeroLabel, 'zero-label', 'middle'));
  }
  return { node, hits };
}

// ---- curves over a few positions ---------------------------------------------------------------

/* spec: positions [text], series [{name, tone, values, low, high, dashed}], show, axis, axisLabel,
 * at (a position that is marked), fit (the axis need not begin at 0). Returns {node, hits}. */
function drawCurves(spec, width) {
  const height = Math.min(340, Math.max(250, width * 0.56)), left = 52, top = 14, bottom = height - 42;
  const ends = Math.min(Math.max(...spec.series.map(s => textWidth(s.name, FONT.replace('13', '12'))), 40) + 16, width * 0.34);
  const right = width - ends, values = [];
  for (const s of spec.series) values.push(...known(s.values), ...known(s.low ?? []), ...known(s.high ?? []));
  const marks = ticks(spec.fit ? Math.min(...values) : 0, Math.max(...values), 5);
  const y = scale(marks[0], marks.at(-1), bottom, top);
  const n = spec.positions.length, x = i => n > 1 ? left + 16 + i * (right - left - 32) / (n - 1) : (left + right) / 2;
  const node = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height }), hits = [];
  for (const m of marks)
    node.append(line(left, y(m), right, y(m), 'gridline'), text(left - 8, y(m) + 4.5, spec.axis(m), 'tick', 'end'));
  if (spec.at >= 0) node.append(svg('rect', { x: x(spec.at) - 13, y: top, width: 26, height: bottom - top, rx: 4, class: 'chosen' }));
  spec.positions.forEach((p, i) => node.append(text(x(i), bottom + 18, p, spec.at === i ? 'tick here' : 'tick', 'middle')));
  node.append(text((left + right) / 2, bottom + 37, spec.axisLabel, 'tick', 'middle'));
  const names = [];
  spec.series.forEach((s, nth) => {
    const group = svg('g', { class: `series ${s.tone}${s.dashed ? ' dashed' : ''}` });
    const points = s.values.map((v, i) => v === null ? null : [x(i), y(v)]).filter(Boolean);
    if (!points.length) return;
    group.append(svg('path', { d: 'M' + points.map(p => p.map(c => c.toFixed(1)).join(' ')).join('L'), class: 'curve' }));
    s.values.forEach((v, i) => {
      if (v === null) return;
      const low = s.low?.[i], high = s.high?.[i];
      if (low !== null && low !== undefined && high !== null && high !== undefined)
        group.append(line(x(i), y(low), x(i), y(high), 'whisker'), line(x(i) - 4, y(low), x(i) + 4, y(low), 'whisker'),
          line(x(i) - 4, y(high), x(i) + 4, y(high), 'whisker'));
      if (!s.dashed) group.append(svg('circle', { cx: x(i), cy: y(v), r: nth ? 3.2 : 4.6, class: 'dot' }));
    });
    names.push({ y: points.at(-1)[1], group, name: s.name });
    node.append(group);
  });
  // The names stand at the ends of the curves, moved apart where they would touch.
  names.sort((a, b) => a.y - b.y).forEach((s, i) => { if (i) s.y = Math.max(s.y, names[i - 1].y + 16); });
  const over = names.length ? names.at(-1).y - (bottom + 4) : 0;
  for (const s of names) {
    s.y -= Math.max(0, over);
    s.group.append(text(right + 2, s.y + 4.5, cut(s.name, ends + 8), 'name', 'start'));
  }
  spec.positions.forEach((p, i) => {
    const half = n > 1 ? (x(1) - x(0)) / 2 : 40;
    hits.push({ x: x(i) - half, y: top, w: 2 * half, h: bottom - top + 24,
      at: [x(i), y(spec.series[0].values[i] ?? marks[0])], tip: spec.tip(i) });
  });
  return { node, hits };
}

// ---- a matrix of correlations: the lower half --------------------------------------------------

function drawMatrix(spec, width) {
  const names = spec.names, n = names.length, labels = Math.min(Math.max(...names.map(f => textWidth(f))) + 12, width * 0.36);
  const cell = Math.min(52, (width - labels - 4) / Math.max(1, n - 1)), tall = Math.min(cell, 34), head = 70;
  const height = head + (n - 1) * tall + 6;
  const node = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height }), hits = [];
  for (let c = 0; c < n - 1; c++) {
    const cx = labels + c * cell + cell / 2, cy = head + c * tall - 6;
    node.append(svg('text', { x: cx, y: cy, class: 'label', transform: `rotate(-38 ${cx} ${cy})`, 'text-anchor': 'start' }, cut(names[c], 92)));
  }
  for (let r = 1; r < n; r++) {
    const y = head + (r - 1) * tall;
    node.append(text(labels - 8, y + tall / 2 + 4.5, cut(names[r], labels - 10), 'label', 'end'));
    for (let c = 0; c < r; c++) {
      const v = spec.value(r, c), x = labels + c * cell;
      const group = svg('g', { class: `cell ${v === null ? 'none' : v < 0 ? 'below' : 'above'}${v !== null && Math.abs(v) > 0.55 ? ' full' : ''}` },
        svg('rect', { x: x + 1, y: y + 1, width: cell - 2, height: tall - 2, rx: 3, class: 'back' }),
        svg('rect', { x: x + 1, y: y + 1, width: cell - 2, height: tall - 2, rx: 3, class: 'ink', 'fill-opacity': v === null ? 0 : Math.min(1, Math.abs(v)).toFixed(3) }));
      if (cell > 33) group.append(text(x + cell / 2, y + tall / 2 + 4, v === null ? NONE : Math.abs(v) < 0.005 ? '0' : minus(v.toFixed(2)).replace('0.', '.'), 'inside', 'middle'));
      node.append(group);
      hits.push({ x, y, w: cell, h: tall, at: [x + cell / 2, y + tall / 2], tip: spec.tip(r, c), group });
    }
  }
  return { node, hits };
}
