// ---- numbers and texts for people --------------------------------------------------------------

const MINUS = '\u2212', NONE = '\u2013', THIN = '\u202f';
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const minus = text => text.replace('-', MINUS);

const format = {
  count: v => v === null ? NONE : grouped.format(v),
  // 0.27 as 27.0 %
  share: v => v === null ? NONE : `${minus((v * 100).toFixed(Math.abs(v) < 0.01 && v !== 0 ? 2 : 1))}${THIN}%`,
  small: v => v === null ? NONE : minus(v.toFixed(3)),
  times: v => v === null ? NONE : `${v.toFixed(v < 10 ? 2 : 1)}×`,
  // A difference of shares in points.
  points: v => v === null ? NONE : `${v > 0 ? '+' : v < 0 ? MINUS : ''}${Math.abs(v * 100).toFixed(1)}`,
  signed: v => v === null ? NONE : `${v > 0 ? '+' : v < 0 ? MINUS : ''}${Math.abs(v).toFixed(3)}`,
  p: v => v === null ? NONE : v < 0.001 ? '< 0.001' : v.toFixed(3),
  text: v => v === null || v === '' ? NONE : String(v),
  yes: v => v === null ? NONE : v ? 'yes' : 'no',
  // All the digits that the page has.
  exact: v => v === null ? 'none' : minus(String(v)),
};

const plural = (n, one, many = `${one}s`) => `${format.count(n)} ${n === 1 ? one : many}`;

// A name in a sentence or a label: controls and marks that turn the direction of writing as ?.
const tidy = name => String(name).replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?') || '(no name)';

const FEATURE = { danceability: 'Danceability', energy: 'Energy', loudness: 'Loudness', speechiness: 'Speechiness',
  acousticness: 'Acousticness', instrumentalness: 'Instrumentalness', liveness: 'Liveness', valence: 'Valence', tempo: 'Tempo' };
const featureName = f => FEATURE[f] ?? tidy(f);

const FAMILY = { hiphop: 'hip hop', rnb_soul: 'R&B, soul' };
const familyName = f => FAMILY[f] ?? f;

// ---- downloads ---------------------------------------------------------------------------------

// A cell as RFC 4180 has it. Spreadsheets take a text that begins like a formula for one: it gets
// an apostrophe, which they show as text.
function csvCell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  let text = String(value);
  if (/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text)) text = `'${text}`;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const csvText = data => [data.columns.map(c => c.name), ...data.rows]
  .map(row => row.map(csvCell).join(',')).join('\r\n') + '\r\n';

// Letters, digits and hyphens of any name, so that every file system takes it.
const fileName = (...parts) => `segue-${parts.map(p => String(p).normalize('NFKC').toLowerCase()
  .replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60)).filter(Boolean).join('-')}`;

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
