// Three readers of Parquet that have nothing in common with the writer, brought to one form:
// readers[name](path) -> Map of column name -> array of values, where a value is null, a boolean, a
// number (int32, double), a bigint (int64, timestamp in microseconds) or a string.
import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import { tableFromIPC, Type } from 'apache-arrow'
import { parquetMetadata, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { readParquet } from 'parquet-wasm'

const microseconds = { timestampFromMicroseconds: v => v }

function arrayBuffer(path) {
  const b = readFileSync(path)
  return b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength)
}

export function metadata(path) {
  return parquetMetadata(arrayBuffer(path), { parsers: microseconds, geoparquet: false })
}

async function byHyparquet(path) {
  const file = arrayBuffer(path)
  const meta = parquetMetadata(file, { parsers: microseconds, geoparquet: false })
  const n = Number(meta.num_rows)
  const columns = new Map()
  for (const e of meta.schema.slice(1)) columns.set(e.name, new Array(n))
  if (n === 0) return columns
  await parquetRead({
    file, metadata: meta, compressors, parsers: microseconds, geoparquet: false,
    onChunk({ columnName, columnData, rowStart, rowEnd }) {
      const into = columns.get(columnName)
      for (let i = rowStart; i < rowEnd; i++) into[i] = columnData[i - rowStart] ?? null
    },
  })
  return columns
}

// get() would turn timestamps into milliseconds: their 64 bits are taken from the data instead.
function arrowValues(vector) {
  if (vector.type.typeId !== Type.Timestamp) return Array.from(vector, v => v ?? null)
  const values = []
  for (const data of vector.data) {
    const raw = new BigInt64Array(data.values.buffer, data.values.byteOffset, data.length)
    for (let i = 0; i < data.length; i++) values.push(data.getValid(i) ? raw[i] : null)
  }
  return values
}

async function byParquetWasm(path) {
  const table = tableFromIPC(readParquet(new Uint8Array(readFileSync(path))).intoIPCStream())
  const columns = new Map()
  table.schema.fields.forEach((f, i) => columns.set(f.name, arrowValues(table.getChildAt(i))))
  return columns
}

const instance = await DuckDBInstance.create(':memory:', {
  threads: '2', autoinstall_known_extensions: 'false', autoload_known_extensions: 'false',
})
export const duckdb = await instance.connect()
await duckdb.run("SET TimeZone = 'UTC'")

export const quoted = text => `'${text.replaceAll("'", "''")}'`

// As the three readers give them: a timestamp as its microseconds.
function duckdbValue(v) {
  return v !== null && typeof v === 'object' && 'micros' in v ? v.micros : v
}

async function byDuckdb(path) {
  const result = await duckdb.runAndReadAll(
    `SELECT * FROM read_parquet(${quoted(path)}, hive_partitioning = false)`)
  const values = result.getColumns()
  const columns = new Map()
  result.columnNames().forEach((name, i) => columns.set(name, (values[i] ?? []).map(duckdbValue)))
  return columns
}

export const readers = { hyparquet: byHyparquet, 'parquet-wasm': byParquetWasm, DuckDB: byDuckdb }
