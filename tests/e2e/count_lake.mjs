// Prints how many genres and rows DuckDB sees below a directory with genre=VALUE folders.
//
//   node count_lake.mjs DIRECTORY
import { duckdb, quoted } from '../lake/readers.mjs'

const files = quoted(`${process.argv[2]}/*/*.parquet`)
const answer = await duckdb.runAndReadAll(`select count(distinct genre)::int as genres, count(*)::int as n
  from read_parquet(${files}, hive_partitioning = true, hive_types = {'genre': varchar})`)
console.log(...answer.getRows()[0])
