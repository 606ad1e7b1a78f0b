// ---- the charts, one function each -------------------------------------------------------------

const MANY = 20;

// The words for a table that is not there.
function absent(data, short, what) {
  const by = data.madeBy[short];
  return [`${what} not in these results yet. `, by ? [code(by), ' makes them.'] : ''];
}

const columnsOf = (...pairs) => pairs.map(([name, label]) => ({ name, label }));

// The first MANY and, beneath them, the chosen one where it is not among them.
function withChosen(rows, genre, all) {
  const first = rows.slice(0, MANY);
  if (genre >= 0 && !first.some(r => r.genre === genre)) first.push(...all.filter(r => r.genre === genre));
  return first;
}

function tracksPerGenre(app) {
  const { data } = app;
  const all = data.tracks.map((n, i) => ({ genre: i, get label() { return tidy(data.genres[i]); }, value: n, hot: i === app.genre,
    get tip() { return [this.label, ['tracks', format.count(n)], ['place', `${i + 1} of ${data.tracks.length}`], ['family', familyName(data.family[i])]]; } }));
  const rows = withChosen(all, app.genre, all);
  const title = `Tracks per genre`;
  if (!rows.length) return { title, empty: absent(data, 'selection', 'The catalogue\u2019s genres are') };
  return { title, note: `The ${Math.min(MANY, all.length)} largest of ${format.count(all.length)}. A track counts in each genre of its artist.`,
    summary: `The largest is ${rows[0].label} with ${plural(rows[0].value, 'track')}.`,
    draw: w => drawRows({ kind: 'bar', rows, zero: 0, show: format.count, axis: format.count }, w),
    data: { columns: columnsOf(['genre', 'Genre'], ['n_tracks', 'Tracks'], ['family', 'Family']), get rows() { return all.map(r => [data.genres[r.genre], r.value, data.family[r.genre]]); } } };
}

const MEASURES = {
  importance_norm: { zero: 0, zeroLabel: 'No difference', show: v => format.share(v), axis: v => `${minus(String(Math.round(v * 100)))} %`, name: 'importance',
    words: 'Share of the difference between artists that the feature carries; below zero, one artist\u2019s songs differ more than two artists\u2019.' },
  auc: { zero: 0.5, zeroLabel: 'A coin toss', show: format.small, axis: v => v.toFixed(2), name: 'AUC', words: 'Chance that two artists\u2019 songs differ more in the feature than one artist\u2019s; 0.5 says nothing.' },
  weight_logistic: { zero: 0, zeroLabel: 'No weight', show: v => format.signed(v), axis: v => minus(v.toFixed(2)), name: 'weight', words: 'Weight in a logistic regression on all features together, so features that say the same share it.' },
};

function predictors(app, measure = 'importance_norm') {
  const { data, genre } = app, m = MEASURES[measure], title = 'What tells artists apart';
  if (!data.predictors) return { title, empty: absent(data, 'predictors', 'Predictors are') };
  if (!data.predictors.has(measure)) return { title, empty: 'This run has no such measure.', keepOptions: true };
  const means = new Map(featureMeans(data, measure).map(f => [f.feature, f]));
  let rows;
  if (genre >= 0) {
    rows = data.predictors.list(genre).filter(r => r[measure] !== null).map(r => ({
      label: featureName(r.feature), name: r.feature, value: r[measure], mark: means.get(r.feature)?.mean ?? null,
      weak: r.p_value !== null && r.p_value >= 0.05, p: r.p_value,
      tip: [featureName(r.feature), [m.name, format.exact(r[measure])], ['mean over genres', format.exact(means.get(r.feature)?.mean ?? null)], ['p (shuffled artists)', format.p(r.p_value)],
        ['AUC', format.exact(r.auc)], ['same artist', format.exact(r.same_artist_mean)], ['different artists', format.exact(r.different_artist_mean)]],
    }));
  } else {
    rows = [...means.values()].map(({ feature, mean, low, high, genres }) => ({ label: featureName(feature), name: feature, value: mean, low, high,
      tip: [featureName(feature), [`mean ${m.name}`, format.exact(mean)], ['middle half of genres', `${m.show(low)} to ${m.show(high)}`], ['genres', format.count(genres)]] }));
  }
  rows.sort((a, b) => b.value - a.value);
  if (!rows.length) return { title, empty: `No predictors for ${tidy(data.genres[genre])}: it has too few tracks or artists, or no artist with two tracks.`, keepOptions: true };
  return { title, note: m.words, key: genre >= 0 ? [swatch('mark', 'mean over genres', 'tick'), swatch('weak', 'not told from shuffled artists (p ≥ 0.05)', 'box')] : [swatch('whisker', 'middle half of genres', 'bar')],
    summary: `First is ${rows[0].label} with ${m.show(rows[0].value)}.`,
    draw: w => drawRows({ kind: 'bar', rows: rows.slice(0, 40), zero: m.zero, zeroLabel: m.zeroLabel, show: m.show, axis: m.axis }, w),
    data: genre >= 0
      ? { columns: columnsOf(['feature', 'Feature'], [measure, m.name], ['mean_over_genres', 'Mean over genres'], ['p_value', 'p']), rows: rows.map(r => [r.name, r.value, r.mark, r.p]) }
      : { columns: columnsOf(['feature', 'Feature'], [`mean_${measure}`, `Mean ${m.name}`], ['quartile_1', 'Lower quartile'], ['quartile_3', 'Upper quartile']), rows: rows.map(r => [r.name, r.value, r.low, r.high]) } };
}

function correlations(app) {
  const { data, genre } = app, t = data.correlations, title = 'Features that say the same';
  if (!t) return { title, empty: absent(data, 'correlations', 'Correlations are') };
  const pairs = genre < 0 ? data.overview.correlations : t.list(genre).map(r => [r.feature, r.other_feature, r.pearson]);
  if (!pairs.length) return { title, empty: `No correlations for ${tidy(data.genres[genre])}.` };
  const names = data.features.length ? data.features : [...new Set(pairs.flatMap(([a, b]) => [a, b]))];
  const at = new Map(names.map((f, i) => [f, i])), n = names.length, values = Array(n * n).fill(null);
  for (const [a, b, pearson] of pairs) {
    const i = at.get(a), j = at.get(b);
    values[Math.max(i, j) * n + Math.min(i, j)] = pearson;
  }
  if (names.length > 24) return { title, empty: `${names.length} features are too many for this picture; the table results/feature_correlations has them.` };
  const v = (r, c) => values[r * n + c];
  const rows = [];
  names.forEach((a, r) => names.slice(0, r).forEach((b, c) => rows.push([b, a, v(r, c)])));
  const top = rows.filter(r => r[2] !== null).sort((a, b) => Math.abs(b[2]) - Math.abs(a[2]))[0];
  return { title, note: `Pearson\u2019s correlation${genre >= 0 ? '' : ', mean over genres'}. Strongly related features share their importance.`,
    key: [swatch('below', 'negative', 'box'), swatch('above', 'positive', 'box')],
    summary: top ? `The strongest is ${featureName(top[0])} and ${featureName(top[1])} with ${top[2].toFixed(2)}.` : '',
    draw: w => drawMatrix({ names: names.map(featureName), value: v, tip: (r, c) => [`${featureName(names[r])} and ${featureName(names[c])}`, ['correlation', format.exact(v(r, c) === null ? null : Number(v(r, c).toPrecision(4)))]] }, w),
    data: { columns: columnsOf(['feature', 'Feature'], ['other_feature', 'Other feature'], ['pearson', 'Correlation']), rows } };
}

// Recall or MRR over the cut-offs.
function byK(measure, title) {
  return app => {
    const { data, genre } = app, full = `${title} by cut-off`;
    if (!data.audio) return { title: full, empty: absent(data, 'audio', 'The audio evaluation is') };
    const { ks } = data.audio, isRecall = measure === 'recall_at_k';
    const summary = (average, column) => ks.map(k => data.summaryAt(average, k)?.[column] ?? null);
    const series = [];
    if (genre >= 0) {
      const at = ks.map(k => data.audio.at(genre, k)), get = column => at.map(i => i === undefined ? null : data.audio.get(column, i));
      if (!known(get(measure)).length) return { title: full, empty: `${tidy(data.genres[genre])} was not evaluated: too few tracks, or nothing to find.` };
      series.push({ name: cut(tidy(data.genres[genre]), 120), tone: 'a', values: get(measure), low: get(`${measure}_low`), high: get(`${measure}_high`) });
      series.push({ name: 'all genres', tone: 'quiet', values: summary('macro', measure) });
      if (isRecall) series.push({ name: 'chance', tone: 'chance', dashed: true, values: get('random_recall_at_k') });
    } else {
      series.push({ name: 'over genres', tone: 'a', values: summary('macro', measure) });
      series.push({ name: 'over queries', tone: 'quiet', values: summary('micro', measure) });
      if (isRecall) series.push({ name: 'chance', tone: 'chance', dashed: true, values: summary('macro', 'random_recall_at_k') });
      if (!known(series[0].values).length) return { title: full, empty: absent(data, 'summary', 'The averages are') };
    }
    const shown = series.filter(s => known(s.values).length), show = isRecall ? format.share : format.small;
    return { title: full, note: isRecall ? 'Share of queries with a song by the same artist among the k nearest.' : 'Mean of 1/rank of the first song by the same artist, 0 beyond k.',
      key: genre >= 0 && known(series[0].low).length ? [swatch('whisker', '95 % interval', 'bar')] : [],
      summary: `At ${app.k} it is ${show(series[0].values[ks.indexOf(app.k)] ?? null)}.`,
      draw: w => drawCurves({ positions: ks.map(String), series: shown, at: ks.indexOf(app.k), axis: v => isRecall ? `${Math.round(v * 100)} %` : v === 0 ? '0' : v.toFixed(3), axisLabel: 'k, the nearest songs looked at',
        tip: i => [`k = ${ks[i]}`, ...shown.flatMap(s => [[s.name, format.exact(s.values[i])], ...(s.low?.[i] !== null && s.low?.[i] !== undefined ? [['95 % interval', `${format.exact(s.low[i])} to ${format.exact(s.high[i])}`]] : [])])] }, w),
      data: { columns: [{ name: 'k', label: 'k' }, ...shown.flatMap(s => [{ name: s.name }, ...(s.low ? [{ name: `${s.name} low` }, { name: `${s.name} high` }] : [])])],
        rows: ks.map((k, i) => [k, ...shown.flatMap(s => [s.values[i], ...(s.low ? [s.low[i], s.high[i]] : [])])]) } };
  };
}

function genreRecall(app, order = 'largest') {
  const { data, k } = app, title = `Recall at ${k} by genre`;
  if (!data.audio) return { title, empty: absent(data, 'audio', 'The audio evaluation is') };
  const all = overall(data, k).rows, pool = order === 'largest' ? [...all] : all.filter(r => r.interval_ok && r.lift !== null);
  pool.sort(order === 'largest' ? (a, b) => b.n_queries - a.n_queries : order === 'best' ? (a, b) => b.lift - a.lift : (a, b) => a.lift - b.lift);
  const first = pool.slice(0, MANY), chosen = all.filter(r => r.code === app.genre && !first.some(f => f.code === r.code));
  const rows = [...first, ...chosen].map(r => ({ genre: r.code, label: tidy(data.genres[r.code]), value: r.recall_at_k, low: r.recall_at_k_low, high: r.recall_at_k_high,
    mark: r.random_recall_at_k, hot: r.code === app.genre, weak: !r.interval_ok, lift: r.lift, n: r.n_queries,
    get tip() { return [this.label, ['recall', format.exact(r.recall_at_k)], ['95 % interval', `${format.exact(r.recall_at_k_low)} to ${format.exact(r.recall_at_k_high)}`],
      ['chance', format.exact(r.random_recall_at_k)], ['lift', format.exact(r.lift)], ['queries', format.count(r.n_queries)], ['artists', format.count(r.n_artists)]]; } }));
  if (!rows.length) return { title, empty: 'No genre qualifies.', keepOptions: true };
  const kept = rows.slice(0, MANY);
  if (order === 'largest') kept.sort((a, b) => b.value - a.value);
  const drawn = [...kept, ...rows.slice(MANY)];
  return { title, note: order === 'largest' ? 'The genres with most queries.' : 'By lift, among genres with enough artists for an interval.',
    key: [swatch('a', 'recall, 95 % interval'), swatch('mark', 'chance', 'tick'), swatch('weak', 'fewer than 20 artists', 'dot')],
    summary: `${drawn[0].label} has ${format.share(drawn[0].value)}.`,
    draw: w => drawRows({ kind: 'dot', rows: drawn, least: [0, 0], show: format.share, axis: v => `${Math.round(v * 100)} %`, most: 1 }, w),
    data: { columns: columnsOf(['genre', 'Genre'], ['recall_at_k', 'Recall'], ['recall_at_k_low', 'Low'], ['recall_at_k_high', 'High'], ['random_recall_at_k', 'Chance'], ['lift', 'Lift'], ['n_queries', 'Queries']),
      rows: drawn.map(r => [data.genres[r.genre], r.value, r.low, r.high, r.mark, r.lift, r.n]) } };
}

function coverage(app) {
  const { data } = app, t = data.coverage, title = 'Lyrics coverage';
  if (!t) return { title, empty: absent(data, 'coverage', 'Lyrics are') };
  const kinds = [['n_with_lyrics', 'found', 'part-a'], ['n_instrumental', 'instrumental', 'part-b'], ['n_rejected', 'too unlike', 'part-d'], ['n_error', 'error', 'part-e'], ['n_not_found', 'not known', 'part-c']];
  const by = new Map();
  for (let i = 0; i < t.n; i++) by.set(t.get('genre', i), t.row(i));
  const all = [...by].map(([genre, counts]) => {
    const total = kinds.reduce((a, [key]) => a + (counts[key] ?? 0), 0);
    return { genre, get label() { return tidy(data.genres[genre]); }, value: total ? 1 : null, total, counts, hot: genre === app.genre,
      get note() { return format.share(total ? (counts.n_with_lyrics ?? 0) / total : null); },
      parts: kinds.map(([key, , tone]) => ({ value: total ? (counts[key] ?? 0) / total : 0, tone })),
      get tip() { return [this.label, ...kinds.filter(([key]) => counts[key]).map(([key, words]) => [words, `${format.count(counts[key])} (${format.share(counts[key] / total)})`]), ['looked up', format.count(total)], ['tracks of the genre', format.count(counts.n_tracks ?? null)]]; } };
  }).filter(r => r.total > 0).sort((a, b) => b.total - a.total);
  const rows = withChosen(all, app.genre, all);
  if (!rows.length) return { title, empty: 'No song was looked up.' };
  const total = all.reduce((a, r) => a + r.total, 0), found = all.reduce((a, r) => a + (r.counts.n_with_lyrics ?? 0), 0);
  return { title, note: `Lyrics were found for ${format.share(found / total)} of the songs that were looked up, a song counted in each of its genres.`,
    key: kinds.filter(([key]) => all.some(r => r.counts[key])).map(([, words, tone]) => swatch(tone, words, 'box')),
    summary: `Found for ${format.share(found / total)} of songs.`,
    draw: w => drawRows({ kind: 'parts', rows, zero: 0, most: 1, show: format.share, axis: v => `${Math.round(v * 100)} %` }, w),
    data: { columns: [{ name: 'genre', label: 'Genre' }, ...kinds.map(([key, words]) => ({ name: key, label: words }))], get rows() { return all.map(r => [data.genres[r.genre], ...kinds.map(([key]) => r.counts[key] ?? 0)]); } } };
}

// Change of recall or MRR by genre, about a line of no change.
function change(measure, name) {
  return (app, order = 'queries') => {
    const { data, k } = app, title = `Change of ${name} with lyrics`;
    if (!data.delta) return { title, empty: absent(data, 'delta', 'The comparison with lyrics is') };
    const low = `delta_${measure}_low`, high = `delta_${measure}_high`, isRecall = measure === 'recall';
    const show = isRecall ? v => format.points(v) : format.signed;
    const all = deltas(data, k).filter(r => r[`delta_${measure}`] !== null).map(r => ({ genre: r.code, get label() { return tidy(data.genres[r.code]); }, value: r[`delta_${measure}`], low: r[low] ?? null, high: r[high] ?? null,
      hot: r.code === app.genre, weak: isRecall || r.q_value_mrr === undefined || r.q_value_mrr === null ? isSure(r) === false : r.q_value_mrr > 0.05, n: r.n_queries, q: r.q_value ?? null,
      get tip() { return [this.label, [`change of ${name}`, format.exact(r[`delta_${measure}`])], ['95 % interval', `${format.exact(r[low] ?? null)} to ${format.exact(r[high] ?? null)}`],
        ['audio', format.exact(r[`${measure}_audio`])], ['audio + lyrics', format.exact(r[`${measure}_audio_lyrics`])], ['p', format.p(r.p_value ?? null)], ['q (all genres)', format.p(r.q_value ?? null)], ['queries', format.count(r.n_queries)]]; } }));
    if (!all.length) return { title, empty: 'No genre has an audio-only baseline at this cut-off.' };
    if (order === 'queries') all.sort((a, b) => b.n - a.n);
    else all.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const rows = withChosen(all, app.genre, all), kept = rows.slice(0, MANY).sort((a, b) => b.value - a.value), drawn = [...kept, ...rows.slice(MANY)];
    return { title, note: `${isRecall ? 'In points of percent' : 'In units of MRR'}${data.delta.has('k') ? `, at ${k}` : ''}: audio with lyrics${data.alpha === null ? '' : ` (weight of the sound ${data.alpha})`} less audio alone${data.delta.get('baseline', 0) === 'audio' ? ', whose queries and candidates are others' : ', on the same queries and candidates'}.`,
      key: [...(known(all.map(r => r.low)).length ? [swatch('a', 'change, 95 % interval')] : []), ...(all.some(r => r.weak) ? [swatch('weak', 'cannot be told from no change')] : [])],
      summary: `${drawn[0].label} changes by ${show(drawn[0].value)}.`,
      draw: w => drawRows({ kind: 'dot', rows: drawn, zero: 0, zeroLabel: 'No change', show, axis: v => isRecall ? minus(String(Number((v * 100).toFixed(1)))) : minus(String(Number(v.toFixed(3)))) }, w),
      data: { columns: columnsOf(['genre', 'Genre'], [`delta_${measure}`, `Change of ${name}`], [low, 'Low'], [high, 'High'], ['q_value', 'q'], ['n_queries', 'Queries']), get rows() { return all.map(r => [data.genres[r.genre], r.value, r.low, r.high, r.q, r.n]); } } };
  };
}

function alphaCurve(app, measure = 'recall_at_k') {
  const { data, genre, k } = app, t = data.sweep, title = 'How much weight for the sound?';
  if (!t) return { title, empty: absent(data, 'sweep', 'Other weights are') };
  const column = ['alpha_audio_weight', 'alpha'].find(c => t.has(c)) ?? 'alpha', rows = t.list(genre).filter(r => !t.has('k') || r.k === k);
  const alphas = [...new Set(rows.map(r => r[column]))].filter(a => a !== null).sort((a, b) => a - b);
  if (!alphas.length) return { title, empty: `No other weights were tried for ${genre < 0 ? 'these genres' : tidy(data.genres[genre])} at ${k}.`, keepOptions: true };
  const pick = name => alphas.map(a => mean(rows.filter(r => r[column] === a).map(r => r[name] ?? null)));
  const isRecall = measure === 'recall_at_k', show = isRecall ? format.share : format.small;
  const halves = t.has(`${measure}_reported`);
  const series = [{ name: halves ? 'all artists' : 'recall', tone: 'b', values: pick(measure) },
    ...(halves ? [{ name: 'half that chose', tone: 'chance', dashed: true, values: pick(`${measure}_chosen_by`) }, { name: 'other half', tone: 'quiet', values: pick(`${measure}_reported`) }] : [])];
  const chosen = rows.filter(r => r.is_best), often = new Map();
  for (const r of chosen) often.set(r[column], (often.get(r[column]) ?? 0) + 1);
  const best = chosen.length ? [...often].sort((a, b) => b[1] - a[1])[0][0] : alphas[series[0].values.indexOf(Math.max(...known(series[0].values)))];
  const shown = series.filter(s => known(s.values).length);
  return { title, note: [`At ${k}: score = alpha × sound + (1 − alpha) × lyrics; at 1 the lyrics count nothing. `, strong(`${best}`), chosen.length > 1 ? ` is best in most genres` : ' is best',
    halves ? '; it was chosen by one half of the artists, and the other half tells what it is worth.' : '; it was chosen on the same songs, so expect less on new ones.'],
    summary: `The best alpha is ${best}.`,
    draw: w => drawCurves({ positions: alphas.map(String), series: shown, at: alphas.indexOf(best), fit: true, axis: v => isRecall ? `${Number((v * 100).toFixed(1))} %` : v.toFixed(3), axisLabel: 'alpha, the weight of the sound',
      tip: i => [`alpha = ${alphas[i]}`, ...shown.map(s => [s.name, format.exact(s.values[i] === null ? null : Number(s.values[i].toPrecision(6)))])] }, w),
    data: { columns: [{ name: 'alpha', label: 'Alpha' }, ...shown.map(s => ({ name: s.name }))], rows: alphas.map((a, i) => [a, ...shown.map(s => s.values[i])]) } };
}

function hubsChart(app) {
  const { data, genre } = app, t = data.hubs, title = 'Songs that turn up everywhere';
  if (!t) return { title, empty: absent(data, 'hubs', 'Hubs are') };
  const lists = t.reader('k_occurrence');
  const all = [...t.rows(genre)].sort((a, b) => lists(b) - lists(a)).slice(0, 18).map(i => t.row(i));
  if (!all.length) return { title, empty: `No hubs for ${tidy(data.genres[genre])}.` };
  const rows = all.map(r => ({ label: `${tidy(r.name ?? '')} · ${tidy(r.artist_name_primary ?? '')}`, value: r.k_occurrence, genre: genre < 0 ? r.genre : undefined,
    tip: [tidy(r.name ?? ''), ['artist', tidy(r.artist_name_primary ?? '')], ['genre', tidy(data.genres[r.genre])], [`lists of ${r.k} nearest`, format.count(r.k_occurrence)]] }));
  return { title, note: `In how many songs\u2019 ${all[0].k} nearest a song is; the average song is in about ${all[0].k}.`, summary: `First is ${rows[0].label} in ${plural(rows[0].value, 'list')}.`,
    draw: w => drawRows({ kind: 'bar', rows, zero: 0, show: format.count, axis: format.count }, w),
    data: { columns: columnsOf(['name', 'Song'], ['artist', 'Artist'], ['genre', 'Genre'], ['k_occurrence', 'Lists']), rows: all.map(r => [r.name, r.artist_name_primary, data.genres[r.genre], r.k_occurrence]) } };
}

function ablation(app, kind = 'without') {
  const { data, genre } = app, t = data.sets, title = 'Search with fewer features';
  if (!t) return { title, empty: absent(data, 'sets', 'Smaller sets of features are') };
  const rows = t.rows(genre), k = t.get('k', rows[0]), whole = new Map(), by = new Map();
  if (!rows.length) return { title, empty: `Not computed for ${tidy(data.genres[genre])}.` };
  for (const i of rows) if (t.get('kind', i) === 'all') whole.set(t.get('genre', i), t.get('recall_at_k', i));
  for (const i of rows) {
    if (t.get('kind', i) !== kind) continue;
    const feature = t.get('feature', i), recall = t.get('recall_at_k', i), all = whole.get(t.get('genre', i)) ?? null;
    if (!by.has(feature)) by.set(feature, []);
    by.get(feature).push(recall === null || all === null ? null : kind === 'without' ? recall - all : recall);
  }
  const base = mean([...whole.values()]), show = kind === 'without' ? v => format.points(v) : format.share;
  const drawn = [...by].map(([f, values]) => ({ label: featureName(f), name: f, value: mean(values), mark: kind === 'only' ? base : null,
    tip: [featureName(f), [kind === 'without' ? 'change of recall without it' : 'recall with it alone', format.exact(Number(mean(values)?.toPrecision(5)))], ['recall with all', format.exact(Number(base?.toPrecision(5)))]] }))
    .filter(r => r.value !== null).sort((a, b) => kind === 'without' ? a.value - b.value : b.value - a.value);
  return { title, note: kind === 'without' ? `Change of recall at ${k}, in points, when the feature is left out${genre < 0 ? ', mean over genres' : ''}. To the left: it is missed.` : `Recall at ${k} when the feature is all that is known.`,
    key: kind === 'only' ? [swatch('mark', 'with all features', 'tick')] : [], summary: `First is ${drawn[0]?.label}.`,
    draw: w => drawRows({ kind: 'bar', rows: drawn, zero: 0, zeroLabel: kind === 'without' ? 'No change' : null, show, axis: v => minus(String(Number((v * 100).toFixed(1)))) + (kind === 'only' ? ' %' : '') }, w),
    data: { columns: columnsOf(['feature', 'Feature'], [kind === 'without' ? 'change_of_recall' : 'recall', 'Recall']), rows: drawn.map(r => [r.name, r.value]) } };
}

// ---- the large tables --------------------------------------------------------------------------

function evaluationTable(app) {
  const most = a => a.data.once(`most ${a.k}`, () => overall(a.data, a.k).rows.reduce((m, r) => Math.max(m, r.recall_at_k_high ?? r.recall_at_k), 0.01));
  const names = r => app.data.genres[r.code], Row = app.data.audio?.rowClass({ genre: names, family: r => app.data.family[r.code] });
  return new SortTable(app, 'evaluation', {
    title: 'Audio evaluation', sort: ['n_queries', true],
    note: a => [`At k = ${a.k}. Recall with its 95 % interval; the tick is chance. A name chooses the genre everywhere.`],
    rows: a => a.data.audio ? overall(a.data, a.k).rows.map(r => new Row(r.rowNumber)) : { absent: absent(a.data, 'audio', 'The audio evaluation is') },
    columns: [
      { name: 'genre', label: 'Genre', title: 'the genre', cell: genreCell },
      { name: 'family', label: 'Family', title: 'broad family of the genre, by its name', show: familyName },
      { name: 'n_tracks', label: 'Tracks', number: true, show: format.count },
      { name: 'n_artists', label: 'Artists', number: true, show: format.count },
      { name: 'n_queries', label: 'Queries', number: true, show: format.count },
      { name: 'recall_at_k', label: 'Recall', number: true, cell: (r, a) => el('span', { class: `ranged${r.interval_ok ? '' : ' weak'}` }, rangeCell(r.recall_at_k_low, r.recall_at_k, r.recall_at_k_high, r.random_recall_at_k, most(a)), format.share(r.recall_at_k)) },
      { name: 'recall_at_k_low', label: '95 % interval', number: true, show: (v, r) => v === null ? NONE : `${minus((v * 100).toFixed(1))} to ${format.share(r.recall_at_k_high)}` },
      { name: 'recall_at_k_high', label: 'High', when: () => false },
      { name: 'random_recall_at_k', label: 'Chance', number: true, show: format.share },
      { name: 'lift', label: 'Lift', number: true, show: format.times },
      { name: 'mrr_at_k', label: 'MRR', number: true, show: format.small },
      { name: 'ndcg_at_k', label: 'nDCG', number: true, show: format.small },
      { name: 'precision_at_k', label: 'Precision', number: true, show: format.share },
      { name: 'hubness_skewness', label: 'Hubness', number: true, show: format.small },
    ],
  });
}

function deltaTable(app) {
  const t = app.data.delta, Row = t?.rowClass({ genre: r => app.data.genres[r.code] });
  return new SortTable(app, 'delta', {
    title: 'Audio against audio with lyrics', sort: ['n_queries', true],
    note: a => [t?.has('k') ? `At k = ${a.k}. ` : '', 'A positive change means that lyrics help. Without a baseline no change is claimed.'],
    rows: a => {
      if (!t) return { absent: absent(a.data, 'delta', 'The comparison with lyrics is') };
      return a.data.deltaRows(a.k).map(r => new Row(r.rowNumber));
    },
    columns: [
      { name: 'genre', label: 'Genre', title: 'the genre', cell: genreCell },
      { name: 'baseline_available', label: 'Baseline', number: true, show: v => format.yes(v) },
      { name: 'n_tracks_in_genre', label: 'Tracks', number: true, show: format.count },
      { name: 'n_queries', label: 'Queries', number: true, show: format.count },
      { name: 'alpha_audio_weight', label: 'Alpha', number: true, show: v => v === null ? NONE : String(v) },
      { name: 'recall_audio', label: 'Recall, audio', number: true, show: format.share },
      { name: 'recall_audio_lyrics', label: 'with lyrics', number: true, show: format.share },
      { name: 'delta_recall', label: 'Change', number: true, show: format.points },
      { name: 'delta_recall_low', label: '95 % interval', number: true, show: (v, r) => v === null ? NONE : `${format.points(v)} to ${format.points(r.delta_recall_high)}` },
      { name: 'delta_recall_high', label: 'High', when: () => false },
      { name: 'mrr_audio', label: 'MRR, audio', number: true, show: format.small },
      { name: 'mrr_audio_lyrics', label: 'with lyrics', number: true, show: format.small },
      { name: 'delta_mrr', label: 'Change', number: true, show: format.signed },
      { name: 'p_value', label: 'p', number: true, show: format.p },
      { name: 'q_value', label: 'q', number: true, show: format.p },
      { name: 'verdict', label: 'Verdict', show: v => format.text(v) },
      { name: 'topk_overlap', label: 'Overlap', number: true, show: format.share },
    ].filter(c => !t || c.name === 'genre' || t.has(c.name)),
  });
}
