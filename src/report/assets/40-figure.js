// ---- tooltips: one box for all charts ----------------------------------------------------------

const tip = {
  node: null,
  show(lines, x, y) {
    this.node ??= document.getElementById('tip');
    const [head, ...rest] = lines;
    this.node.replaceChildren(el('strong', null, head), el('dl', null,
      rest.map(([name, value]) => [el('dt', null, name), el('dd', null, value)])));
    this.node.hidden = false;
    const box = this.node.getBoundingClientRect(), room = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(x + 14, room - box.width - 8));
    const above = y - box.height - 12;
    this.node.style.left = `${left + scrollX}px`;
    this.node.style.top = `${(above > 4 ? above : y + 18) + scrollY}px`;
  },
  hide() {
    if (this.node) this.node.hidden = true;
  },
};

const say = words => { document.getElementById('live').textContent = words; };
const spoken = lines => [lines[0], ...lines.slice(1).map(([name, value]) => `${name} ${value}`)].join(', ');

// Pointer and keys over a drawn chart: the mark beneath is told, Enter chooses its genre.
function explore(node, hits, choose) {
  let at = -1;
  const ring = svg('circle', { r: 9, class: 'ring', visibility: 'hidden' });
  node.append(ring);
  const place = (i, x, y) => {
    if (at >= 0) hits[at].group?.classList.remove('on');
    at = i;
    if (i < 0) {
      ring.setAttribute('visibility', 'hidden');
      return tip.hide();
    }
    const hit = hits[i];
    hit.group?.classList.add('on');
    ring.setAttribute('cx', hit.at[0]);
    ring.setAttribute('cy', hit.at[1]);
    ring.setAttribute('visibility', x === undefined ? 'visible' : 'hidden');
    if (x === undefined) {
      const box = node.getBoundingClientRect(), zoom = box.width / node.viewBox.baseVal.width;
      tip.show(hit.tip, box.left + hit.at[0] * zoom, box.top + hit.at[1] * zoom);
      say(spoken(hit.tip));
    } else {
      tip.show(hit.tip, x, y);
    }
  };
  const under = event => {
    const box = node.getBoundingClientRect(), zoom = box.width / node.viewBox.baseVal.width;
    const x = (event.clientX - box.left) / zoom, y = (event.clientY - box.top) / zoom;
    return hits.findIndex(h => x >= h.x && x < h.x + h.w && y >= h.y && y < h.y + h.h);
  };
  node.addEventListener('pointermove', e => place(under(e), e.clientX, e.clientY));
  node.addEventListener('pointerleave', () => place(-1));
  node.addEventListener('click', e => {
    const hit = hits[under(e)];
    if (hit && hit.genre !== undefined) choose(hit.genre);
  });
  node.addEventListener('blur', () => place(-1));
  node.addEventListener('keydown', e => {
    const moves = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    if (e.key in moves) place(Math.max(0, Math.min(hits.length - 1, at + moves[e.key])));
    else if (e.key === 'Home') place(0);
    else if (e.key === 'End') place(hits.length - 1);
    else if (e.key === 'Escape') place(-1);
    else if (e.key === 'Enter' && at >= 0 && hits[at].genre !== undefined) choose(hits[at].genre);
    else return;
    e.preventDefault();
  });
}

// ---- SVG files: the page's style written into each element -------------------------------------

const STYLES = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'font-family', 'font-size', 'font-weight', 'opacity', 'visibility'];

function svgText(node) {
  const copy = node.cloneNode(true), from = [node, ...node.querySelectorAll('*')];
  [copy, ...copy.querySelectorAll('*')].forEach((c, i) => {
    const style = getComputedStyle(from[i]);
    for (const name of STYLES) if (style.getPropertyValue(name)) c.setAttribute(name, style.getPropertyValue(name));
    c.removeAttribute('class');
  });
  copy.querySelector('[r="9"]')?.remove();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.prepend(svg('rect', { width: '100%', height: '100%', fill: getComputedStyle(node.closest('figure')).backgroundColor }));
  return new XMLSerializer().serializeToString(copy);
}

// ---- a chart with its title, its table and its files -------------------------------------------

/* `make(app)` gives {title, note, key, draw(width) -> {node, hits}, data: {columns: [{name, label, show}],
 * rows}, summary} or {title, empty: words}. Drawn again when the app's choice changes. */
class Figure {
  constructor(app, id, make, options = {}) {
    this.app = app;
    this.make = make;
    this.id = id;
    this.heading = el('h3', { id: `${id}-title` });
    this.note = el('p', { class: 'note' });
    this.body = el('div', { class: 'plot' });
    this.asTable = el('button', { type: 'button', 'aria-pressed': 'false', onclick: () => this.toggle() }, 'Table');
    this.tools = el('div', { class: 'figure-tools' },
      this.asTable,
      el('button', { type: 'button', 'data-file': 'csv', onclick: () => this.saveCsv() }, 'CSV'),
      el('button', { type: 'button', 'data-file': 'svg', onclick: () => this.saveSvg() }, 'SVG'));
    this.options = el('div', { class: 'options' });
    this.node = el('figure', { class: `card ${options.wide ? 'wide' : ''}`, 'data-chart': id, id, role: 'group', 'aria-labelledby': `${id}-title` },
      el('figcaption', null, el('div', { class: 'head' }, this.heading, this.tools), this.note, this.options, this.keys = el('div', { class: 'keys' })), this.body);
    if (options.choices) this.addChoices(options.choices);
    app.figures.push(this);
  }

  // A choice of this chart's own: {label, values: [[key, words]], }; kept in this.chosen.
  addChoices({ label, values }) {
    this.chosen = values[0][0];
    const buttons = values.map(([key, words]) => el('button', {
      type: 'button', 'aria-pressed': String(key === this.chosen),
      onclick: () => {
        this.chosen = key;
        buttons.forEach((b, i) => b.setAttribute('aria-pressed', String(values[i][0] === key)));
        this.app.whenWhole(() => this.render());
      },
    }, words));
    this.options.append(el('div', { class: 'segments', role: 'group', 'aria-label': label }, buttons));
  }

  toggle() {
    const on = this.asTable.getAttribute('aria-pressed') !== 'true';
    this.asTable.setAttribute('aria-pressed', String(on));
    this.render();
  }

  render() {
    const chart = this.chart = this.make(this.app, this.chosen);
    this.heading.textContent = chart.title;
    this.note.replaceChildren(...[chart.note ?? []].flat());
    this.note.hidden = !chart.note;
    this.keys.replaceChildren(...[chart.key ?? []].flat());
    this.keys.hidden = !chart.key?.length || this.asTable.getAttribute('aria-pressed') === 'true';
    this.tools.hidden = Boolean(chart.empty);
    this.options.hidden = Boolean(chart.empty) && !chart.keepOptions;
    if (chart.empty) {
      this.body.replaceChildren(el('p', { class: 'empty' }, chart.empty));
      this.drawnAt = 0;
    } else if (this.asTable.getAttribute('aria-pressed') === 'true') {
      this.body.replaceChildren(simpleTable(chart.data, chart.title));
    } else {
      this.draw();
    }
  }

  // The room for the drawing. All figures are asked before any is drawn: one layout does for all.
  measure() {
    const style = getComputedStyle(this.node);
    this.width = Math.max(260, Math.floor(this.node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
  }

  draw() {
    const { node, hits } = this.chart.draw(this.width);
    this.drawnAt = this.width;
    fill(node, { role: 'img', tabindex: 0, 'aria-label': `${this.chart.title}. ${this.chart.summary ?? ''} Arrow keys read the values; the Table button shows them all.` }, []);
    explore(node, hits, genre => this.app.choose({ genre }));
    this.body.replaceChildren(node);
  }

  // After the room has changed.
  fit() {
    this.measure();
    if (this.drawnAt && Math.abs(this.width - this.drawnAt) > 2 && this.body.querySelector('svg')) this.draw();
  }

  saveCsv() {
    download(`${fileName(this.id, this.app.genreName() ?? '')}.csv`, 'text/csv;charset=utf-8', csvText(this.chart.data));
  }

  saveSvg() {
    if (!this.body.querySelector('svg')) this.toggle();
    download(`${fileName(this.id, this.app.genreName() ?? '')}.svg`, 'image/svg+xml', svgText(this.body.querySelector('svg')));
  }
}

// The table behind a chart, with all the digits.
function simpleTable(data, caption) {
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${caption}` }, el('table', null,
    el('caption', { class: 'unseen' }, caption),
    el('thead', null, el('tr', null, data.columns.map(c => el('th', { scope: 'col' }, c.label ?? c.name)))),
    el('tbody', null, data.rows.map(row => el('tr', null, row.map((v, i) => i === 0
      ? el('th', { scope: 'row' }, typeof v === 'number' ? format.exact(v) : format.text(v === null ? null : tidy(v)))
      : el('td', { class: typeof v === 'number' ? 'number' : '' }, typeof v === 'number' ? format.exact(v) : format.text(v === null ? null : tidy(v)))))))));
}

const swatch = (tone, words, shape = 'dot') => el('span', { class: `key ${tone}` }, el('i', { class: `of-${shape}`, 'aria-hidden': 'true' }), words);
