// ---- what the numbers mean, in words written from them -----------------------------------------

const list = words => words.length < 2 ? words : words.flatMap((w, i) => i === 0 ? [w] : i === words.length - 1 ? [' and ', w] : [', ', w]);

// The evaluation of all genres at a cut-off: averages and what single genres say.
const overall = (data, k) => data.once(`overall ${k}`, () => {
  const rows = [];
  if (data.audio)
    for (const g of data.audio.genres()) {
      const i = data.audio.at(g, k);
      if (i !== undefined && data.audio.get('recall_at_k', i) !== null) rows.push(data.audio.row(i));
    }
  const macro = data.summaryAt('macro', k), recall = macro?.recall_at_k ?? mean(rows.map(r => r.recall_at_k));
  const chance = macro?.random_recall_at_k ?? mean(rows.map(r => r.random_recall_at_k));
  return { rows, recall, chance, mrr: macro?.mrr_at_k ?? mean(rows.map(r => r.mrr_at_k)), lift: recall !== null && chance ? recall / chance : null,
    queries: data.summaryAt('micro', k)?.n_queries ?? rows.reduce((a, r) => a + r.n_queries, 0),
    sure: rows.filter(r => r.interval_ok && r.recall_at_k_low !== null),
  };
});

// Each genre's delta at the cut-off, where there is a baseline.
const deltas = (data, k) => data.once(`deltas ${k}`, () => data.deltaRows(k).filter(r => r.baseline_available && r.delta_recall !== null));

// Whether a change can be told from none: by the verdict of segue delta, which asks for the test and
// for an interval without zero.
const isSure = r => r.verdict !== undefined && r.verdict !== null ? r.verdict === 'better' || r.verdict === 'worse'
  : r.q_value !== undefined && r.q_value !== null ? r.q_value < 0.05 : null;

// A measure of the features over genres, largest mean first.
const featureMeans = (data, measure = 'importance_norm') => data.overview.predictors.filter(p => p[measure]).map(p => {
  const [mean, low, high, genres] = p[measure];
  return { feature: p.feature, mean, low, high, genres };
}).sort((a, b) => b.mean - a.mean);

// The headline: one sentence.
function statement(data, k, genre) {
  const o = overall(data, k), r = genre >= 0 ? o.rows.find(x => x.code === genre) : null;
  if (r)
    return ['In ', strong(tidy(data.genres[genre])), `, a song has one by the same artist among its ${k} nearest neighbours `, strong(format.share(r.recall_at_k)), ' of the time; chance would give ',
      strong(format.share(r.random_recall_at_k)), '.'];
  if (genre >= 0) return [strong(tidy(data.genres[genre])), data.tracks[genre] === undefined ? ' was not evaluated.' : ` has ${plural(data.tracks[genre], 'track')} and was not evaluated.`];
  if (o.recall !== null && o.chance !== null)
    return ['Among its ', strong(`${k} nearest`), ' neighbours by sound, a song has one by the same artist ', strong(format.share(o.recall)), ' of the time, ',
      ...(o.lift >= 1.05 ? [strong(`${o.lift.toFixed(1)} times`), ' what chance would give.'] : ['about what chance would give.'])];
  const first = featureMeans(data)[0];
  if (first) return ['What most tells one artist\u2019s songs from another\u2019s is ', strong(featureName(first.feature).toLowerCase()), '.'];
  return ['The catalogue has ', strong(plural(data.tracks.length, 'genre')), '.'];
}

function aboutSearch(data, k, genre) {
  if (!data.audio) return [];
  const out = [], o = overall(data, k);
  if (genre >= 0) {
    const i = data.audio.at(genre, k);
    if (i === undefined) return [['This genre was not evaluated', `It has ${plural(data.tracks[genre] ?? 0, 'track')}; smaller genres than --min-tracks-per-genre are left out.`]];
    const r = data.audio.row(i);
    if (r.recall_at_k === null) return [['Nothing to find', 'No song of this genre has another song by its artist among the candidates.']];
    const clear = r.recall_at_k_low !== null && r.recall_at_k_low > r.random_recall_at_k;
    out.push([clear ? 'The sound tells' : 'Hardly better than chance',
      ['For ', strong(format.share(r.recall_at_k)), ` of ${plural(r.n_queries, 'query', 'queries')}, a song by the same artist is among the ${k} nearest`,
        r.recall_at_k_low !== null ? ` (95 % interval ${format.share(r.recall_at_k_low)} to ${format.share(r.recall_at_k_high)})` : '',
        `; a random order would give ${format.share(r.random_recall_at_k)}.`,
        clear ? ` The whole interval lies above chance: ${format.times(r.lift)} it.` : ' Chance lies within reach of the interval, so do not build on this genre alone.']]);
    return out;
  }
  if (o.recall === null) return [];
  const above = o.sure.filter(r => r.recall_at_k_low > r.random_recall_at_k);
  out.push(['Sound finds the artist, ' + (o.lift >= 3 ? 'clearly' : o.lift >= 1.3 ? 'but far from always' : 'hardly more than chance'),
    ['Averaged over genres, recall at ', String(k), ' is ', strong(format.share(o.recall)), ` against ${format.share(o.chance)} by chance`,
      o.sure.length ? [`. In `, strong(`${format.count(above.length)} of ${format.count(o.sure.length)}`), ` genres with enough artists to judge, the whole 95 % interval lies above chance.`] : '.']]);
  const best = [...o.sure].sort((a, b) => b.lift - a.lift).slice(0, 3), worst = [...o.sure].sort((a, b) => a.lift - b.lift).slice(0, 3);
  if (o.sure.length >= 8)
    out.push(['Where it works, and where not', ['Most above chance: ', ...list(best.map(r => strong(tidy(data.genres[r.code])))), ` (${format.times(best[0].lift)} for the first). Least: `,
      ...list(worst.map(r => strong(tidy(data.genres[r.code])))), '.']]);
  return out;
}

function aboutFeatures(data, genre) {
  if (!data.predictors) return [];
  if (genre >= 0) {
    const rows = data.predictors.list(genre).filter(r => r.importance_norm !== null).sort((a, b) => b.importance_norm - a.importance_norm);
    if (!rows.length) return [];
    const sure = rows.filter(r => r.p_value !== null && r.p_value < 0.05 && r.importance_norm > 0);
    return [[`${featureName(rows[0].feature)} sets artists apart`, [`Songs by different artists differ most, against one artist\u2019s own, in `,
      ...list(rows.filter(r => r.importance_norm > 0).slice(0, 3).map(r => strong(featureName(r.feature).toLowerCase()))),
      rows.some(r => r.p_value !== null) ? `. ${plural(sure.length, 'feature')} of ${rows.length} ${sure.length === 1 ? 'does' : 'do'} so beyond what shuffled artist labels show (p < 0.05).` : '.']]];
  }
  const means = featureMeans(data);
  if (!means.length) return [];
  const { predictors, genres_with_first: genres } = data.overview;
  const often = [...predictors].sort((a, b) => b.firsts - a.firsts)[0];
  const [raw] = predictors.filter(p => p.size_unscaled !== undefined).sort((a, b) => b.size_unscaled - a.size_unscaled);
  const out = [[`${featureName(means[0].feature)} tells most, on average`, [strong(featureName(means[0].feature)), ` carries ${format.share(means[0].mean)} of the importance, then `,
    ...list(means.slice(1, 3).map(f => strong(featureName(f.feature).toLowerCase()))), genres ? `. ${featureName(often.feature)} comes first in ${format.count(often.firsts)} of ${format.count(genres)} genres, more than any other: genres differ, so choose one above.` : '.']]];
  if (raw && raw.size_unscaled > 0.5) out[0][1].push(` In raw units ${featureName(raw.feature).toLowerCase()} alone would carry ${format.share(raw.size_unscaled)}, because its numbers are large; scaled, it carries ${format.share(raw.size ?? null)}.`);
  return out;
}

function aboutLyrics(data, k, genre) {
  const rows = deltas(data, k);
  if (!rows.length) return [];
  if (genre >= 0) {
    const r = rows.find(x => x.code === genre);
    if (!r) return [];
    const sure = isSure(r);
    return [[sure ? (r.delta_recall > 0 ? 'Lyrics help here' : 'Lyrics hurt here') : 'Lyrics: no sure change', [`Recall changes by `, strong(`${format.points(r.delta_recall)} points`),
      r.delta_recall_low !== null && r.delta_recall_low !== undefined ? ` (95 % interval ${format.points(r.delta_recall_low)} to ${format.points(r.delta_recall_high)})` : '',
      ` on ${plural(r.n_queries, 'query', 'queries')} when lyrics join the sound.`]]];
  }
  const tested = rows.filter(r => isSure(r) !== null);
  const up = tested.filter(r => isSure(r) && r.delta_recall > 0), down = tested.filter(r => isSure(r) && r.delta_recall < 0);
  const average = mean(rows.map(r => r.delta_recall));
  return [[up.length > tested.length / 2 ? 'Lyrics help in most genres' : up.length > down.length ? 'Lyrics help in some genres' : down.length > up.length ? 'Lyrics hurt more than they help' : 'Lyrics change little that is sure', [`Over ${plural(rows.length, 'genre')}, recall changes by `, strong(`${format.points(average)} points`),
    ` and MRR by ${format.signed(mean(rows.map(r => r.delta_mrr)))} when lyrics join the sound. `,
    tested.length ? `After correcting for ${plural(tested.length, 'genre')} (q at most 0.05), ${plural(up.length, 'genre is', 'genres are')} better and ${format.count(down.length)} worse; for the rest the change cannot be told from none.`
      : 'These results have no test: do not read single genres as better or worse.']]];
}

function aboutHubs(data, k) {
  const o = overall(data, k);
  const never = mean(o.rows.map(r => r.never_found_share ?? null)), skew = mean(o.rows.map(r => r.hubness_skewness ?? null));
  if (never === null || never === undefined) return [];
  return [[skew > 1 ? 'Some songs are everywhere, others nowhere' : 'No song is everywhere', [strong(format.share(never)), ` of songs are in no other song\u2019s ${k} nearest, on average over genres; skewness of how often songs turn up is ${format.small(skew)}`,
    skew > 1 ? ', so a few hubs fill many lists.' : ', so no song fills many lists.']]];
}

function outcomes(data, k, genre) {
  return [...aboutSearch(data, k, genre), ...aboutFeatures(data, genre), ...aboutLyrics(data, k, genre), ...(genre < 0 ? aboutHubs(data, k) : [])];
}

// What a careful reader keeps in mind; only what applies to these numbers.
function caveats(data, k) {
  const out = [], o = overall(data, k), first = o.rows[0];
  if (data.audio) {
    out.push('Recall here is a hit rate: at least one song by the same artist among the k nearest. Same artist stands in for \u201csimilar\u201d; no listener judged these lists.');
    out.push('Small genres have few candidates, so chance is high in them. Compare genres by how far they are above chance (lift), not by recall.');
    const few = o.rows.filter(r => !r.interval_ok).length;
    if (few) out.push(`${plural(few, 'genre has', 'genres have')} fewer than 20 artists (or no intervals): do not trust their intervals. They are shown hollow.`);
    out.push('Intervals resample artists, not songs, because songs of one artist are not independent.');
    const twice = o.rows.reduce((a, r) => a + (r.n_duplicate_tracks ?? 0), 0);
    const kept = mean(o.rows.map(r => r.recall_at_k_with_duplicates ?? null));
    if (twice > 0 && kept !== null) out.push(`${plural(twice, 'song duplicates', 'songs duplicate')} another of its genre and cannot be found for it; kept as candidates they would lift recall to ${format.share(kept)}.`);
    const none = o.rows.reduce((a, r) => a + (r.n_no_relevant ?? 0), 0);
    if (none > 0) out.push(`${plural(none, 'query had', 'queries had')} no other song by the artist to find and ${first.profile === 'glue' ? 'count as misses' : 'are left out'}.`);
    if (first?.profile === 'glue') out.push('The glue profile draws samples and uses the old workflow\u2019s definitions: its numbers are not comparable with those of the exact profile.');
  }
  if (data.predictors) out.push('A feature\u2019s importance says how far apart different artists\u2019 songs are against one artist\u2019s own. It shows association, not cause, and correlated features share it.');
  if (data.delta) {
    const lost = data.deltaRows(k).filter(r => !r.baseline_available).length;
    if (lost) out.push(`${plural(lost, 'genre has', 'genres have')} no audio-only baseline and no change is claimed for them.`);
    out.push('The lyrics comparison covers only songs whose lyrics were found: it says nothing of instrumentals and rarities.');
  }
  return out;
}
