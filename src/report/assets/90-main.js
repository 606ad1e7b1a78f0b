// ---- the page ----------------------------------------------------------------------------------

class App {
  constructor(data) {
    this.data = data;
    this.figures = [];
    this.waiting = [];
    this.genre = data.json.genre ?? -1;
    this.k = data.json.first_k < 0 ? 10 : data.json.first_k;
    this.readAddress();
  }

  genreName() {
    return this.genre < 0 ? null : this.data.genres[this.genre];
  }

  // What is chosen stands in the address, so that it can be kept and sent.
  readAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    const genre = words.has('genre') ? this.data.genres.indexOf(words.get('genre')) : -1, k = Number(words.get('k'));
    if (genre >= 0) this.genre = genre;
    if (this.data.ks.includes(k)) this.k = k;
  }

  writeAddress() {
    const words = new URLSearchParams();
    if (this.genre >= 0) words.set('genre', this.genreName());
    if (this.k !== this.data.nearestK(10)) words.set('k', this.k);
    const hash = words.toString();
    try {
      history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
    } catch { /* a page in a frame may not; nothing depends on it */ }
  }

  choose(what) {
    Object.assign(this, what);
    this.writeAddress();
    this.whenWhole(() => {
      this.render();
      say(this.genre < 0 ? 'All genres' : `Genre ${tidy(this.genreName())}`);
    });
  }

  // What is drawn first needs the first part of the data alone; each choice waits for the rest.
  whenWhole(then) {
    if (this.whole) return then();
    this.waiting.push(then);
  }

  get startsWithAll() {
    return this.genre < 0 && (this.k === this.data.json.first_k || !this.data.ks.length);
  }

  addRest(rest) {
    this.data.add(rest);
    this.whole = true;
    for (const then of this.waiting) then();
  }

  // ---- parts that stand once ----

  header() {
    const { made } = this.data.json, first = this.data.audio?.row(0) ?? this.data.predictors?.row(0) ?? {};
    const words = [first.run_ts ? first.run_ts.slice(0, 10) : made.started ? made.started.slice(0, 10) : null,
      first.profile ? `${first.profile} profile` : null,
      first.scale ? (first.scale === 'none' ? 'raw units' : `${first.scale} scaling`) : null, this.data.audio ? first.metric : null].filter(Boolean);
    document.getElementById('made').textContent = words.join('  ·  ');
    const theme = document.getElementById('theme'), root = document.documentElement;
    const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    const show = () => {
      theme.textContent = dark() ? 'Light' : 'Dark';
      theme.setAttribute('aria-label', `Switch to ${dark() ? 'light' : 'dark'} colours`);
      theme.setAttribute('aria-pressed', String(dark()));
    };
    try { if (['dark', 'light'].includes(localStorage.segueTheme)) root.dataset.theme = localStorage.segueTheme; } catch { /* no storage: nothing is kept */ }
    theme.addEventListener('click', () => {
      root.dataset.theme = dark() ? 'light' : 'dark';
      try { localStorage.segueTheme = root.dataset.theme; } catch { /* as above */ }
      show();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
    show();
    document.getElementById('print').addEventListener('click', () => print());
  }

  tiles() {
    const { data, k, genre } = this, o = overall(data, k), delta = deltas(data, k), out = [];
    const tile = (value, label, more) => out.push(el('div', { class: 'tile' }, el('b', null, value), el('span', null, label), more ? el('small', null, more) : null));
    const one = genre >= 0 ? o.rows.find(r => r.code === genre) : null, change = delta.find(r => r.code === genre);
    if (genre >= 0) {
      if (data.tracks[genre] !== undefined) tile(format.count(data.tracks[genre]), 'tracks', `place ${format.count(genre + 1)} of ${format.count(data.genres.length)}`);
      if (one) {
        tile(format.count(one.n_artists), 'artists', one.interval_ok ? familyName(data.family[genre]) : 'too few for intervals');
        tile(format.count(one.n_queries), 'queries', 'songs with another to find');
        tile(format.share(one.recall_at_k), `recall at ${k}`, one.recall_at_k_low === null ? '' : `${format.share(one.recall_at_k_low)} to ${format.share(one.recall_at_k_high)}`);
        tile(format.times(one.lift), 'lift over chance', `chance ${format.share(one.random_recall_at_k)}`);
        tile(format.small(one.mrr_at_k), `MRR at ${k}`, one.mrr_at_k_low === null ? '' : `${format.small(one.mrr_at_k_low)} to ${format.small(one.mrr_at_k_high)}`);
      }
      if (change) tile(format.points(change.delta_recall), 'points with lyrics', change.q_value === undefined || change.q_value === null ? '' : `q ${format.p(change.q_value)}`);
    } else {
      if (data.json.tracks >= 0) tile(format.count(data.json.tracks), 'tracks', `with a genre`);
      if (data.genres.length) tile(format.count(data.genres.length), 'genres', o.rows.length ? `${format.count(o.rows.length)} evaluated` : null);
      if (o.rows.length) {
        tile(format.count(o.queries), 'queries', o.rows[0].profile === 'glue' ? 'a sample of each genre' : 'songs with another to find');
        tile(format.share(o.recall), `recall at ${k}`, `chance ${format.share(o.chance)}`);
        tile(format.times(o.lift), 'lift over chance', 'mean recall by mean chance');
        tile(format.small(o.mrr), `MRR at ${k}`, 'mean over genres');
      }
      if (delta.length) tile(format.points(mean(delta.map(r => r.delta_recall))), 'points with lyrics', `mean of ${plural(delta.length, 'genre')}`);
    }
    document.getElementById('tiles').replaceChildren(...out);
    document.getElementById('statement').replaceChildren(...statement(data, k, genre));
  }

  bar() {
    const { data } = this;
    this.box = new GenreBox(this);
    this.cutoffs = data.ks.map(k => el('button', { type: 'button', onclick: () => this.choose({ k }) }, String(k)));
    document.getElementById('bar').append(this.box.node,
      data.ks.length ? el('div', { class: 'cutoffs' }, el('span', { id: 'k-label' }, 'k nearest'), el('div', { class: 'segments', role: 'group', 'aria-labelledby': 'k-label' }, this.cutoffs)) : '',
      this.facts = el('p', { class: 'facts' }));
  }

  section(id, title, lead, ...nodes) {
    document.getElementById('content').append(el('section', { id: `part-${id}`, 'aria-labelledby': `part-${id}-title` },
      el('div', { class: 'section-head' }, el('h2', { id: `part-${id}-title` }, title), lead ? el('p', null, lead) : null),
      el('div', { class: 'grid' }, nodes.map(n => Array.isArray(n) ? el('div', { class: 'stack' }, n.map(m => m.node)) : n.node ?? n))));
  }

  meaning() {
    this.points = el('div', { class: 'points' });
    this.notes = el('ul');
    this.section('meaning', 'What this means', null,
      el('div', { class: 'card text' }, this.points),
      el('aside', { class: 'card quiet', 'aria-labelledby': 'caveats' }, el('h3', { id: 'caveats' }, 'Keep in mind'), this.notes));
  }

  build() {
    const choice = (label, ...values) => ({ choices: { label, values } });
    this.header();
    this.bar();
    this.meaning();
    this.section('catalogue', 'The catalogue, and what tells artists apart', null,
      [new Figure(this, 'tracks-per-genre', tracksPerGenre),
        new Figure(this, 'ablation', ablation, choice('Which set', ['without', 'Without it'], ['only', 'It alone']))],
      [new Figure(this, 'predictors', predictors, choice('Measure', ['importance_norm', 'Importance'], ['auc', 'AUC'], ['weight_logistic', 'Regression'])),
        new Figure(this, 'correlations', correlations)]);
    this.section('audio', 'Search by sound', null,
      [new Figure(this, 'recall-by-k', byK('recall_at_k', 'Recall')),
        new Figure(this, 'recall-by-genre', genreRecall, choice('Which genres', ['largest', 'Largest'], ['best', 'Best lift'], ['worst', 'Worst lift']))],
      [new Figure(this, 'mrr-by-k', byK('mrr_at_k', 'MRR')),
        new Figure(this, 'hubs', hubsChart)],
      evaluationTable(this));
    this.section('lyrics', 'Do lyrics help?', null,
      new Figure(this, 'delta-recall', change('recall', 'recall'), choice('Which genres', ['queries', 'Most queries'], ['change', 'Largest change'])),
      new Figure(this, 'delta-mrr', change('mrr', 'MRR'), choice('Which genres', ['queries', 'Most queries'], ['change', 'Largest change'])),
      new Figure(this, 'alpha-curve', alphaCurve, choice('Measure', ['recall_at_k', 'Recall'], ['mrr_at_k', 'MRR'])),
      new Figure(this, 'lyrics-coverage', coverage),
      deltaTable(this));
    this.foot();
  }

  // How it was made, and what the words mean.
  foot() {
    const { data } = this, { made } = data.json, first = data.audio?.row(0) ?? {};
    const facts = [['Program', `segue ${made.version ?? data.json.version}${made.commit ? ` (${made.commit})` : ''}`], ['Started', made.started], ['Ranks', made.ranks],
      ['Profile', first.profile], ['Scaling', first.scale], ['Metric', first.metric], ['Relevant', first.relevance], ['No candidates', first.exclude], ['Weights', first.weights],
      ...(made.inputs ?? []).map(i => [`Input ${i.table}`, `${tidy(i.file)}, ${format.count(i.bytes)} bytes, SHA-256 ${i.sha256}`])].filter(f => f[1] !== undefined && f[1] !== null && f[1] !== '');
    const a = made.accounting;
    if (a) facts.push(['Track rows', `${format.count(a.track_rows)} read; ${format.count(a.track_rows_rejected)} malformed, ${format.count(a.track_rows_duplicate)} of an earlier id, ${format.count(a.tracks_unknown_artist + a.tracks_without_artist)} without a known artist, ${format.count(a.tracks_without_genre)} without a genre`]);
    const words = ['recall_at_k', 'mrr_at_k', 'random_recall_at_k', 'lift', 'ndcg_at_k', 'precision_at_k', 'hubness_skewness', 'importance_norm', 'auc', 'p_value', 'weight_logistic'].map(c => [c, data.meaning(c)]).filter(w => w[1]);
    document.getElementById('foot').append(
      el('div', { class: 'grid' },
        el('div', null, el('h2', null, 'How it was made'), el('dl', null, facts.map(([n, v]) => [el('dt', null, n), el('dd', null, String(v))]))),
        words.length ? el('div', null, el('h2', null, 'What the words mean'), el('dl', null, words.map(([n, v]) => [el('dt', null, n), el('dd', null, v)]))) : ''),
      el('p', { class: 'fine' }, `Numbers on this page are rounded: correlations to three significant digits, others to five or six; the run file has them whole. The page is one file and asks nothing of the network.`));
  }

  // ---- what follows the choice ----

  render() {
    const { data, genre, k } = this;
    tip.hide();
    this.box.update();
    this.cutoffs.forEach((b, i) => b.setAttribute('aria-pressed', String(data.ks[i] === k)));
    this.tiles();
    const row = genre >= 0 && data.audio ? data.audio.at(genre, k) : undefined, r = row === undefined ? null : data.audio.row(row);
    this.facts.replaceChildren(...genre < 0 ? ['Choose a genre and every chart follows.'] :
      [data.tracks[genre] !== undefined ? [strong(format.count(data.tracks[genre])), ' tracks'] : [], r ? ['  ·  ', strong(format.count(r.n_artists)), ' artists  ·  ', strong(format.share(r.recall_at_k)), ` recall at ${k}  ·  `, strong(format.times(r.lift)), ' chance'] : '  ·  not evaluated'].flat());
    this.points.replaceChildren(...outcomes(data, k, genre).map(([head, words]) => el('div', null, el('h3', null, head), el('p', null, words))));
    if (!this.points.childElementCount) this.points.append(el('p', { class: 'empty' }, absent(data, 'audio', 'Results are')));
    const notes = caveats(data, k);
    this.notes.replaceChildren(...notes.map(n => el('li', null, n)));
    this.notes.parentElement.hidden = !notes.length;
    for (const f of this.figures) f.measure();
    for (const f of this.figures) f.render();
  }
}

const parsed = new Promise(then => {
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', then);
  else then();
});

(async () => {
  const root = document.documentElement;
  const readRest = async app => { await parsed; app.addRest(await readPart('rest')); };
  try {
    const app = new App(new Data(await readPart('first')));
    if (!app.startsWithAll) await readRest(app);
    app.build();
    app.render();
    let waiting = 0;
    new ResizeObserver(() => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(() => app.figures.forEach(f => f.fit()));
    }).observe(document.getElementById('content'));
    addEventListener('hashchange', () => { app.readAddress(); app.whenWhole(() => app.render()); });
    addEventListener('scroll', () => tip.hide(), { passive: true });
    root.dataset.drawn = String(Math.round(performance.now()));
    if (!app.whole) await readRest(app);
    root.dataset.whole = String(Math.round(performance.now()));
  } catch (error) {
    root.dataset.error = String(error);
    document.getElementById('content').append(el('p', { class: 'card empty' }, `The page could not be drawn: ${error.message}.`));
    throw error;
  }
})();
