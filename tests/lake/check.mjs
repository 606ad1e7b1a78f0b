// Compares what three readers find in the files of fuzz_tables with what was written.
//
//   node check.mjs DIRECTORY               every file, value by value, and DuckDB's filters
//   node check.mjs --self-check DIRECTORY  the same check must notice damage
//
// Prints one line when all is well; exits 1 on any difference.
import { createReadStream, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { BIGINT, BOOLEAN, DOUBLE, DuckDBTimestampTZValue, INTEGER, TIMESTAMPTZ, VARCHAR } from '@duckdb/node-api'
import { duckdb, metadata, quoted, readers } from './readers.mjs'

const selfCheck = process.argv[2] === '--self-check'
const directory = process.argv[selfCheck ? 3 : 2]
if (!directory) {
  console.error('usage: node check.mjs [--self-check] DIRECTORY')
  process.exit(2)
}

let passed = 0
const failures = []
function check(ok, words) {
  if (ok) passed++
  else failures.push(words())
}

const show = v => typeof v === 'bigint' ? `${v}n` : Object.is(v, -0) ? '-0' : JSON.stringify(v) ?? `${v}`

// ---- the expectation ---------------------------------------------------------------------------

function doubleOf(bits) {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, BigInt(`0x${bits}`))
  return view.getFloat64(0)
}

function valueOf(type, v) {
  if (v === null) return null
  if (type === 'double') return doubleOf(v)
  return type === 'int64' || type === 'timestamp' ? BigInt(v) : v
}

async function* lines(name) {
  for await (const line of createInterface({ input: createReadStream(join(directory, name)), crlfDelay: Infinity }))
    if (line) yield JSON.parse(line)
}

async function* expectations() {
  for await (const table of lines('expected.jsonl')) {
    for (const c of table.columns) c.values = c.values.map(v => valueOf(c.type, v))
    yield table
  }
}

// ---- values ------------------------------------------------------------------------------------

function firstDifference(found, expected) {
  if (found.length !== expected.length) return `${found.length} values instead of ${expected.length}`
  for (let i = 0; i < expected.length; i++)
    if (!Object.is(found[i], expected[i]))
      return `row ${i}: ${show(found[i])} instead of ${show(expected[i])}`
  return null
}

async function checkValues(table, path) {
  for (const [reader, read] of Object.entries(readers)) {
    const where = `${table.file} by ${reader}`
    let columns
    try {
      columns = await read(path)
    } catch (e) {
      failures.push(`${where}: ${e.message ?? e}`)
      continue
    }
    const names = JSON.stringify(table.columns.map(c => c.name))
    check(JSON.stringify([...columns.keys()]) === names, () => `${where}: other columns than ${names}`)
    for (const c of table.columns) {
      const difference = firstDifference(columns.get(c.name) ?? [], c.values)
      check(!difference, () => `${where}, column ${c.name} (${c.type}): ${difference}`)
    }
  }
}

// ---- schema and statistics ---------------------------------------------------------------------

const kinds = {
  bool: ['BOOLEAN', undefined, undefined], int32: ['INT32', undefined, undefined],
  int64: ['INT64', undefined, undefined], double: ['DOUBLE', undefined, undefined],
  string: ['BYTE_ARRAY', 'UTF8', 'STRING'], timestamp: ['INT64', 'TIMESTAMP_MICROS', 'TIMESTAMP'],
}

function less(a, b) {
  return typeof a === 'string' ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b
}

// The bounds that statistics must hold for `values`, or undefined where they must hold none.
function bounds(type, values) {
  const present = values.filter(v => v !== null)
  if (present.length === 0 || present.some(Number.isNaN)) return undefined
  let low = present[0]
  let high = present[0]
  for (const v of present) {
    if (less(v, low)) low = v
    if (less(high, v)) high = v
  }
  if (type === 'string' && [low, high].some(v => Buffer.byteLength(v) > 64)) return undefined
  if (type === 'double') return [low === 0 ? -0 : low, high === 0 ? 0 : high]
  return [low, high]
}

function checkStatistics(table, path) {
  const meta = metadata(path)
  check(/^segue version \d+\.\d+\.\d+ \(build [^)]+\)$/.test(meta.created_by),
    () => `${table.file}: created by ${meta.created_by}`)
  table.columns.forEach((c, i) => {
    const e = meta.schema[i + 1]
    const [type, converted, logical] = kinds[c.type]
    check(e.type === type && e.converted_type === converted && e.logical_type?.type === logical
      && e.repetition_type === (c.nullable ? 'OPTIONAL' : 'REQUIRED'),
    () => `${table.file}, column ${c.name}: schema ${JSON.stringify(e)}`)
  })
  let row = 0
  for (const group of meta.row_groups) {
    const n = Number(group.num_rows)
    check(n <= table.groupRows, () => `${table.file}: a row group of ${n} rows`)
    table.columns.forEach((c, i) => {
      const values = c.values.slice(row, row + n)
      const s = group.columns[i].meta_data.statistics
      const nulls = values.filter(v => v === null).length
      const expected = bounds(c.type, values)
      const found = s.min_value === undefined ? undefined : [s.min_value, s.max_value]
      check(Number(s.null_count) === nulls
        && (expected && found ? Object.is(expected[0], found[0]) && Object.is(expected[1], found[1])
          : expected === found),
      () => `${table.file}, column ${c.name}, row ${row}: statistics ${found?.map(show)} ${s.null_count}`
        + ` instead of ${expected?.map(show)} ${nulls}`)
    })
    row += n
  }
  check(row === table.rows, () => `${table.file}: row groups of ${row} rows`)
}

// ---- filters: DuckDB leaves out row groups by their statistics ---------------------------------------

function neighbour(type, v) {
  if (type === 'string') return v + '!'
  if (type === 'bool') return !v
  if (typeof v === 'bigint') return v > 0n ? v - 1n : v + 1n
  return type === 'int32' ? (v > 0 ? v - 1 : v + 1) : v / 2 + 0.25
}

const sqlTypes = {
  bool: BOOLEAN, int32: INTEGER, int64: BIGINT, double: DOUBLE, string: VARCHAR, timestamp: TIMESTAMPTZ,
}

// DuckDB counts NaN as equal to itself, as SQL has no other use for it.
const same = (a, b) => a !== null && (a === b || Number.isNaN(a) && Number.isNaN(b))

async function checkFilters(table, path) {
  const parameters = {}
  const types = {}
  const counts = []
  const wanted = []
  table.columns.slice(0, 4).forEach((c, i) => {
    const some = [c.values[0], c.values[c.values.length >> 1]].filter(v => v !== null && v !== undefined)
    some.push(...some.slice(0, 1).map(v => neighbour(c.type, v)))
    if (c.type === 'double' && some.length > 0) some.push(-0, 0, NaN)
    some.forEach((v, j) => {
      const name = `p${i}_${j}`
      const column = `"${c.name.replaceAll('"', '""')}"`
      parameters[name] = c.type === 'timestamp' ? new DuckDBTimestampTZValue(v) : v
      types[name] = sqlTypes[c.type]
      counts.push(`(SELECT count(*) FROM read_parquet(${quoted(path)}) WHERE ${column} = $${name})`)
      wanted.push([c, v, c.values.reduce((sum, x) => sum + same(x, v), 0)])
    })
  })
  if (counts.length === 0) return
  const row = (await duckdb.runAndReadAll(`SELECT ${counts.join(', ')}`, parameters, types)).getRows()[0]
  wanted.forEach(([c, v, n], i) => check(Number(row[i]) === n,
    () => `${table.file}, column ${c.name} = ${show(v)} in DuckDB: ${row[i]} rows instead of ${n}`))
}

// ---- names -------------------------------------------------------------------------------------

// Hive's own way back, and Spark's: each %XX is one character.
function hiveValue(name) {
  const value = name.slice(name.indexOf('=') + 1)
  return value === '__HIVE_DEFAULT_PARTITION__' ? null
    : value.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
}

async function checkNames() {
  const root = join(directory, 'names/curated/songs')
  const expected = []
  for await (const line of lines('names.jsonl')) expected.push(line)
  const directories = readdirSync(root).filter(name => !name.startsWith('_'))
  check(JSON.stringify(directories.toSorted()) === JSON.stringify(expected.map(e => e.directory).toSorted()),
    () => `directories ${directories}`)
  const whole = new Map(readFileSync(join(root, '_long_names.jsonl'), 'utf8').trim().split('\n')
    .map(line => JSON.parse(line)).map(({ directory: d, value }) => [d, value]))
  const rows = (await duckdb.runAndReadAll(`SELECT genre, n FROM read_parquet(
    ${quoted(join(root, '*/*.parquet'))}, hive_partitioning = true, hive_types = {'genre': VARCHAR})`)).getRows()
  check(rows.length === expected.length, () => `${rows.length} rows by DuckDB instead of ${expected.length}`)
  for (const { n, value, directory: d } of expected) {
    const long = Buffer.byteLength(value) > 240
    check(long ? whole.get(d) === value : !whole.has(d), () => `the long name of ${d}`)
    const seen = long ? d.slice('genre='.length) : value === '' ? null : value
    check(hiveValue(d) === seen, () => `${d} reads as ${show(hiveValue(d))} by Hive's rule`)
    const found = rows.find(row => Number(row[1]) === n)
    check(found && found[0] === seen, () => `${d} reads as ${show(found?.[0])} by DuckDB`)
    for (const [reader, read] of Object.entries(readers)) {
      const numbers = (await read(join(root, d, 'part-0.parquet'))).get('n')
      check(numbers.length === 1 && numbers[0] === BigInt(n), () => `${d} by ${reader}: ${numbers.map(show)}`)
    }
  }
}

// ---- the two ways to run -----------------------------------------------------------------------

async function checkAll() {
  for await (const table of expectations()) {
    const path = join(directory, table.file)
    await checkValues(table, path)
    checkStatistics(table, path)
    await checkFilters(table, path)
  }
  await checkNames()
}

// Runs `attempt` and counts one pass if it noticed at least `least` failures.
async function mustNotice(words, least, attempt) {
  const before = passed
  await attempt()
  const noticed = failures.splice(0).length
  passed = before
  if (noticed >= least) passed++
  else missed.push(`${words}: ${noticed} of ${least} noticed`)
}
const missed = []

const altered = {
  bool: v => !v, int32: v => v ^ 1, int64: v => v ^ 1n, timestamp: v => v ^ 1n,
  double: v => Object.is(v, 0) ? -0 : Number.isNaN(v) ? 0 : -v, string: v => v + ' ',
}

async function checkTheCheck() {
  const seen = new Set()
  let damaged = 0
  for await (const table of expectations()) {
    const path = join(directory, table.file)
    if (table.rows === 0 || table.rows > 5000) continue
    for (const c of table.columns) {
      const at = c.values.findLastIndex(v => v !== null)
      if (at < 0 || seen.has(c.type)) continue
      seen.add(c.type)
      const kept = c.values[at]
      for (const wrong of [altered[c.type](kept), null]) {
        c.values[at] = wrong
        await mustNotice(`${c.type} ${show(wrong)} for ${show(kept)}`, 3, () => checkValues(table, path))
      }
      c.values[at] = kept
    }
    if (damaged++ < 3) {
      const copy = join(directory, 'damaged.parquet')
      const bytes = readFileSync(path)
      writeFileSync(copy, bytes)
      truncateSync(copy, bytes.length - 1)
      await mustNotice(`${table.file} cut short`, 3, () => checkValues(table, copy))
      writeFileSync(copy, bytes.fill(0xA5, 4, 4 + Math.min(64, bytes.length >> 2)))
      await mustNotice(`${table.file} overwritten`, 3, () => checkValues(table, copy))
    }
    const c = table.columns.find(d => d.type === 'int32' && d.values.some(v => v !== null))
    if (c && !seen.has('statistics')) {
      seen.add('statistics')
      c.values[c.values.findIndex(v => v !== null)] = -2147483648
      c.values.push(null)
      await mustNotice('statistics', 1, async () => checkStatistics(table, path))
      await mustNotice('filters', 1, () => checkFilters(table, path))
    }
  }
  check(seen.size === 7, () => `only ${[...seen]} were tried`)
  failures.push(...missed)
}

await (selfCheck ? checkTheCheck() : checkAll())
for (const words of failures.slice(0, 20)) console.error(words)
if (failures.length > 20) console.error(`... and ${failures.length - 20} more`)
console.log(`${passed} passed, ${failures.length} failed`)
process.exit(failures.length === 0 && passed > 0 ? 0 : 1)
