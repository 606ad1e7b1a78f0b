// Compares every Parquet file of a lake, as three readers see it, with what the run file holds.
//
//   node check_lake.mjs LAKE EXPECTED.jsonl                a line a file: table, genre, columns
//   node check_lake.mjs --self-check LAKE EXPECTED.jsonl   the comparison must notice changes
//
// Silent when all is well.
import { createReadStream, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { duckdb, quoted, readers } from '../lake/readers.mjs'

const selfCheck = process.argv[2] === '--self-check'
const [lake, expected] = process.argv.slice(selfCheck ? 3 : 2)
const curated = 'curated/tracks_by_genre'
const failures = []

// Hive's escapes, written down here once more.
const escaped = value => value.replace(/[\x01-\x1f\x7f"#%'*/:=?\\{[\]^]/g,
  c => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)

// A hexadecimal double as Python writes it: 0x1.8p+3.
function doubleOf(text) {
  const m = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(text)
  if (!m) return text === 'inf' ? Infinity : text === '-inf' ? -Infinity : NaN
  const v = (Number(m[2]) + (m[3] ? parseInt(m[3], 16) / 16 ** m[3].length : 0)) * 2 ** Number(m[4])
  return m[1] ? -v : v
}

function valueOf(type, v) {
  if (v === null) return null
  if (type === 'double') return doubleOf(v)
  return type === 'int64' || type === 'timestamp' ? BigInt(v) : v
}

function directoryOf(genre) {
  if (genre.toLowerCase() === 'null') return `genre=%${genre.charCodeAt(0).toString(16).toUpperCase()}${genre.slice(1)}`
  return `genre=${escaped(genre)}`
}

async function* tables() {
  for await (const line of createInterface({ input: createReadStream(expected), crlfDelay: Infinity })) {
    const t = JSON.parse(line)
    for (const c of t.columns) c.values = c.values.map(v => valueOf(c.type, v))
    t.file = join(t.table, ...(t.genre === undefined ? [] : [directoryOf(t.genre)]), 'part-0.parquet')
    yield t
  }
}

async function compare(t) {
  for (const [reader, read] of Object.entries(readers)) {
    let columns
    try {
      columns = await read(join(lake, t.file))
    } catch (e) {
      failures.push(`${t.file} by ${reader}: ${e.message ?? e}`)
      continue
    }
    const names = t.columns.map(c => c.name).join()
    if ([...columns.keys()].join() !== names) failures.push(`${t.file} by ${reader}: columns ${[...columns.keys()]} instead of ${names}`)
    for (const c of t.columns) {
      const found = columns.get(c.name) ?? []
      const n = Math.max(found.length, c.values.length)
      for (let i = 0; i < n; i++)
        if (!Object.is(found[i], c.values[i])) {
          failures.push(`${t.file} by ${reader}, column ${c.name}, row ${i}: ${found[i]} instead of ${c.values[i]}`)
          break
        }
    }
  }
}

// The partitioned table as one, by the reader that people use for that.
async function compareWhole(rows) {
  const files = quoted(join(lake, curated, '*', '*.parquet'))
  const found = (await duckdb.runAndReadAll(`SELECT genre, count(*) FROM read_parquet(${files},
    hive_partitioning = true, hive_types = {'genre': VARCHAR}) GROUP BY genre`)).getRows()
  const counts = new Map(found.map(([genre, n]) => [genre, Number(n)]))
  if (counts.size !== rows.size) failures.push(`${counts.size} genres by DuckDB instead of ${rows.size}`)
  for (const [genre, n] of rows)
    if (counts.get(genre) !== n) failures.push(`genre ${genre} has ${counts.get(genre)} rows by DuckDB instead of ${n}`)
}

function compareNames(wanted) {
  const there = readdirSync(lake, { recursive: true, withFileTypes: true }).filter(e => e.isFile())
    .map(e => relative(lake, join(e.parentPath ?? e.path, e.name))).filter(name => !name.endsWith('_long_names.jsonl'))
  for (const name of there) if (!wanted.has(name)) failures.push(`${name} is not from the run file`)
  for (const name of wanted) if (!there.includes(name)) failures.push(`${name} is missing`)
}

async function checkAll() {
  const rows = new Map()
  const names = new Set()
  for await (const t of tables()) {
    await compare(t)
    names.add(t.file)
    if (t.genre !== undefined) rows.set(t.genre, t.columns[0].values.length)
  }
  await compareWhole(rows)
  compareNames(names)
}

async function checkTheCheck() {
  const missed = []
  const change = { bool: v => !v, double: v => v + 1, string: v => `${v}x`, int32: v => v + 1, int64: v => v + 1n, timestamp: v => v + 1n }
  const seen = new Set()
  for await (const t of tables())
    for (const c of t.columns) {
      const at = c.values.findIndex(v => v !== null)
      if (at < 0 || seen.has(c.name)) continue
      seen.add(c.name)
      const kept = c.values[at]
      for (const wrong of [change[c.type](kept), null]) {
        c.values[at] = wrong
        await compare(t)
        if (failures.splice(0).length !== 3) missed.push(`${t.file}, column ${c.name}: ${wrong} for ${kept} went unnoticed`)
      }
      c.values[at] = kept
    }
  failures.push(...missed)
  if (seen.size < 30) failures.push(`only ${seen.size} columns were tried`)
}

await (selfCheck ? checkTheCheck() : checkAll())
for (const words of failures.slice(0, 20)) console.error(words)
process.exit(failures.length === 0 ? 0 : 1)
