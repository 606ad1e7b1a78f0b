// What a reader does with the page: small.mjs WORK BROWSER, after prepare.py and `segue dashboard`.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { check, end, launch, open } from './browser.mjs'

const [work, program] = process.argv.slice(2)
const HOSTILE = '</script><img src=x onerror=window.pwned=1>'
const FORMULA = '=1+1|cmd'
const CHARTS = ['ablation', 'alpha-curve', 'correlations', 'delta-mrr', 'delta-recall', 'hubs', 'lyrics-coverage', 'mrr-by-k', 'predictors',
  'recall-by-genre', 'recall-by-k', 'tracks-per-genre']
const browser = await launch(program)

const texts = (page, selector) => page.locator(selector).allTextContents()
const part = (file, name) => JSON.parse(readFileSync(file, 'utf8').match(new RegExp(`<script type="application/json" class="${name}">(.*?)</script>`, 's'))[1])

// The values of one part of a column.
function valuesOf({ values, runs }) {
  if (!runs) return values
  return runs.flatMap((code, i) => i % 2 ? [] : Array(runs[i + 1]).fill(code))
}

// What the program wrote, both parts put together.
function dataOf(file) {
  const data = part(file, 'first'), rest = part(file, 'rest')
  for (const t of data.tables.filter(x => x.columns)) {
    const more = rest[t.name]
    for (const c of t.columns) if (!('all' in c)) c.values = [...valuesOf(c), ...(more.columns[c.name] ? valuesOf(more.columns[c.name]) : [])]
    t.rows = more.rows
    for (const c of t.columns) check('all' in c || c.values.length === t.rows, `${t.name}.${c.name} has ${c.values?.length} of ${t.rows} values`)
  }
  return data
}

// The values of a table's column as the program wrote them.
function column(table, name) {
  const c = table.columns.find(x => x.name === name)
  return 'all' in c ? Array(table.rows).fill(c.all) : c.names ? c.values.map(v => v === null ? null : c.names[v]) : c.values
}

// Chromium drops what goes beyond 10 downloads within a second, and no hand clicks that fast.
async function saved(page, click) {
  await page.waitForTimeout(150)
  const [file] = await Promise.all([page.waitForEvent('download'), click()])
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') }
}

async function everythingIsThere(page) {
  check(!(await page.evaluate(() => document.documentElement.dataset.error)), 'the page says it has an error')
  check((await page.evaluate(() => document.querySelector('h1').textContent)) === 'Music similarity by genre', 'title')
  for (const id of CHARTS) check(await page.locator(`figure#${id} .plot svg[role=img][aria-label]`).count() === 1, `${id} is not drawn, or has no words`)
  check(await page.locator('#tracks-per-genre .row').count() === 20, 'not 20 genres by tracks')
  check(/nearest.*by the same artist/.test(await page.locator('#statement').textContent()), 'the statement')
  check(await page.locator('.points h3').count() >= 4, 'too few outcomes')
  check((await texts(page, '.quiet li')).some(t => /hit rate/.test(t)), 'no caveat about recall')
  check(await page.locator('#recall-by-genre .whisker').count() >= 30, 'no error bars by genre')
}

async function zeroLines(page) {
  for (const id of ['delta-recall', 'delta-mrr', 'ablation']) {
    check((await texts(page, `#${id} .zero-label`)).join() === 'No change', `${id} has no label "No change"`)
    const there = await page.evaluate(id => {
      const x = e => { const b = e.getBoundingClientRect(); return b.left + b.width / 2 }
      const zero = document.querySelector(`#${id} .zero`), tick = [...document.querySelectorAll(`#${id} .tick`)].find(t => t.textContent.trim() === '0')
      return zero && tick ? Math.abs(x(zero) - x(tick)) : 99
    }, id)
    check(there < 1.5, `${id}: the line of no change stands ${there} pixels from 0`)
  }
  // Dots stand on the side of the line that their sign says.
  const wrong = await page.evaluate(() => [...document.querySelectorAll('#delta-recall .row')].filter(r => {
    const zero = document.querySelector('#delta-recall .zero').getBoundingClientRect().left, dot = r.querySelector('.dot').getBoundingClientRect()
    const value = r.querySelector('.value').textContent
    return (value.startsWith('+') && dot.left + dot.width / 2 < zero - 1) || (value.startsWith('\u2212') && dot.left + dot.width / 2 > zero + 1)
  }).length)
  check(wrong === 0, `${wrong} changes are on the wrong side`)
}

// The dropdown: search, keys, and that all charts follow.
async function dropdown(page, data) {
  const box = page.getByRole('combobox', { name: 'Genre' })
  await box.click()
  check(await box.getAttribute('aria-expanded') === 'true', 'the list does not open')
  await box.fill('ONERROR')
  check((await texts(page, '#genre-list .name')).join() === HOSTILE, 'search does not find a name in any case')
  await box.press('Enter')
  check(await box.inputValue() === HOSTILE, 'the name is not chosen')
  check((await page.locator('#statement').textContent()).includes(HOSTILE), 'the statement does not follow')
  const audio = data.tables.find(t => t.name === 'results/eval_audio_similarity'), code = data.genres.name.indexOf(HOSTILE)
  const row = column(audio, 'genre').findIndex((g, i) => g === code && column(audio, 'k')[i] === 10)
  const recall = column(audio, 'recall_at_k')[row]
  await page.locator('#recall-by-k').getByRole('button', { name: 'Table' }).click()
  const shown = await page.locator('#recall-by-k tbody tr').filter({ has: page.locator('th', { hasText: /^10$/ }) }).locator('td').first().textContent()
  check(Number(shown) === recall, `the table behind the chart says ${shown}, the data ${recall}`)
  await page.locator('#recall-by-k').getByRole('button', { name: 'Table' }).click()
  check(await page.locator('#tracks-per-genre .row.hot').count() === 1, 'the bar of the genre is not marked')
  check((await page.locator('#evaluation tbody tr.chosen th').textContent()) === HOSTILE, 'the row of the genre is not marked')
  check(await page.locator('#recall-by-k .series.a .whisker').count() >= 3, 'no error bars on the curve')
  check(decodeURIComponent((await page.evaluate(() => location.hash)).replaceAll('+', ' ')).includes(HOSTILE), 'the address does not keep the choice')
  // Keys alone: back to all genres, then the second of the list.
  await box.focus()
  await box.press('ArrowDown')
  await box.press('ArrowDown')
  check(await box.getAttribute('aria-activedescendant') === 'genre-option-1', 'arrows do not move in the list')
  await box.press('Enter')
  check(await box.inputValue() === data.genres.name[0], 'Enter does not choose')
  await box.press('ArrowDown')
  await box.press('Escape')
  check(await box.getAttribute('aria-expanded') === 'false', 'Escape does not close')
  await box.fill('zzzz no such')
  check((await texts(page, '#genre-list li')).join() === 'No genre has this in its name', 'an empty search says nothing')
  await box.press('Escape')
  await page.getByRole('button', { name: 'All genres' }).click()
  check(/^All /.test(await box.inputValue()), 'all genres are not chosen again')
}

async function cutoffs(page) {
  await page.locator('.cutoffs').getByRole('button', { name: '50', exact: true }).click()
  check((await page.locator('#recall-by-genre h3').textContent()) === 'Recall at 50 by genre', 'the cut-off does not drive the charts')
  check(await page.locator('#recall-by-k .tick.here').textContent() === '50', 'the cut-off is not marked')
  await page.locator('.cutoffs').getByRole('button', { name: '10', exact: true }).click()
}

async function sorting(page) {
  const cells = async n => (await texts(page, `#evaluation tbody td:nth-child(${n})`)).map(t => Number(t.replace(/[,\u202f%×]/g, '')))
  await page.locator('#evaluation').getByRole('button', { name: 'Lift' }).click()
  check(await page.locator('#evaluation th[aria-sort=descending]').textContent().then(t => t.startsWith('Lift')), 'aria-sort')
  let lift = await cells(9)
  check(lift.length === 20 && lift.every((v, i) => !i || lift[i - 1] >= v), `not sorted down: ${lift}`)
  await page.locator('#evaluation').getByRole('button', { name: 'Lift' }).click()
  lift = await cells(9)
  check(lift.every((v, i) => !i || lift[i - 1] <= v), `not sorted up: ${lift}`)
  await page.locator('#evaluation input[type=search]').fill('onerror')
  check((await texts(page, '#evaluation tbody th')).join() === HOSTILE, 'the table is not searched')
  check((await page.locator('#evaluation .count').textContent()) === '1 row', 'the rows are not counted')
  await page.locator('#evaluation input[type=search]').fill('')
  await page.locator('#evaluation').getByRole('button', { name: /^Show/ }).click()
  check(await page.locator('#evaluation tbody tr').count() > 20, 'more rows are not shown')
}

async function downloads(page, data) {
  for (const id of CHARTS) {
    const file = await saved(page, () => page.locator(`#${id} [data-file=csv]`).click())
    check(/^segue-[a-z0-9-]+\.csv$/.test(file.name), `the name ${file.name}`)
    check(file.text.split('\r\n').length >= 4, `${id}.csv is nearly empty`)
  }
  const tracks = await saved(page, () => page.locator('#tracks-per-genre [data-file=csv]').click())
  const lines = tracks.text.trim().split('\r\n')
  check(lines.length === data.genres.name.length + 1, `tracks per genre: ${lines.length} lines`)
  check(lines.some(l => l.startsWith(`'${FORMULA},`)), 'a formula is not defused')
  check(lines.some(l => l.startsWith(HOSTILE)), 'a name is not kept')
  check(!lines.some(l => /^[=+@-]/.test(l)), 'a cell begins like a formula')
  const table = await saved(page, () => page.locator('#evaluation [data-file=csv]').click())
  check(table.text.startsWith('genre,family,n_tracks,'), 'the header of the evaluation')
  const picture = await saved(page, () => page.locator('#predictors [data-file=svg]').click())
  check(picture.text.includes('xmlns="http://www.w3.org/2000/svg"') && picture.text.includes('fill="rgb('), 'the SVG has no style of its own')
  check(!picture.text.includes('<script') && !picture.text.includes('onerror='), 'the SVG has code')
  // A name of a genre becomes a name of a file that any system takes.
  await page.goto(page.url().split('#')[0] + `#genre=${encodeURIComponent(HOSTILE)}`)
  const named = await saved(page, () => page.locator('#predictors [data-file=csv]').click())
  check(named.name === 'segue-predictors-script-img-src-x-onerror-window-pwned-1.csv', `the name ${named.name}`)
  await page.getByRole('button', { name: 'All genres' }).click()
}

// Tooltips by pointer and by keys; the words go to the screen reader too.
async function tooltips(page, data) {
  const value = data.genres.n_tracks[1], chart = page.locator('#tracks-per-genre .plot svg')
  await chart.scrollIntoViewIfNeeded()
  await page.locator('#tracks-per-genre .row').nth(1).locator('.bar').hover()
  check((await page.locator('#tip').textContent()).includes(`tracks${value}`), 'no tooltip with the value')
  await page.mouse.move(2, 2)
  check(await page.locator('#tip').isHidden(), 'the tooltip stays')
  await chart.focus()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  check((await page.locator('#live').textContent()).includes(`tracks ${value}`), 'arrow keys say nothing')
  await page.keyboard.press('Enter')
  check(await page.getByRole('combobox').inputValue() === data.genres.name[1], 'Enter on a bar does not choose its genre')
  await page.getByRole('button', { name: 'All genres' }).click()
}

async function dark(page) {
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number).reduce((a, b) => a + b))
  check(await colour() > 600, 'light is not light')
  await page.locator('#theme').click()
  check(await colour() < 120, 'dark is not dark')
  await page.locator('#theme').click()
  check(await colour() > 600, 'no way back to light')
}

// Roles and names of all that can be used, and that Tab reaches it.
async function access(page) {
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('button, input, [tabindex="0"], figure, section')].filter(e =>
    e.offsetParent && !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML.slice(0, 80)))
  check(!unnamed.length, `without a name: ${unnamed.join(' ')}`)
  check(await page.evaluate(() => [...document.querySelectorAll('[aria-labelledby]')].every(e => document.getElementById(e.getAttribute('aria-labelledby')))), 'a label that is not there')
  check(await page.evaluate(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return new Set(ids).size === ids.length }), 'an id that is there twice')
  await page.locator('.skip').focus()
  const seen = new Set()
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab')
    seen.add(await page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute('role') || document.activeElement.textContent.slice(0, 20)))
  }
  for (const id of ['theme', 'print', 'genre', 'Table', 'img']) check([...seen].some(s => s === id), `Tab does not reach ${id}`)
}

async function phone() {
  const page = await open(browser, `${work}/page.html`, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true })
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  check(wide <= 0, `a phone scrolls ${wide} pixels to the side`)
  check(!page.bad.length, page.bad.join('\n'))
  await page.close()
}

async function bareRun() {
  const page = await open(browser, `${work}/bare.html`, { colorScheme: 'dark' })
  const words = (await texts(page, '.empty')).join(' ')
  check(words.includes('segue delta') && words.includes('segue lyrics'), `what is missing does not say who makes it: ${words}`)
  check(await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number).reduce((a, b) => a + b)) < 120, 'the dark of the system is not heeded')
  check(!page.bad.length, page.bad.join('\n'))
  await page.close()
}

// The page of a lake has the same numbers as that of the run file; only where they come from it cannot know.
function lake() {
  if (!existsSync(`${work}/lake.html`)) return console.log('without segue-sql: no page of a lake')
  const whole = file => ({ ...dataOf(file), made: null })
  check(JSON.stringify(whole(`${work}/lake.html`)) === JSON.stringify(whole(`${work}/bare.html`)), 'the lake has other numbers than the run file')
}

// What the page says of all genres together, by the genres' own rows.
function overview(data) {
  const t = data.tables.find(x => x.name === 'results/genre_predictors'), features = column(t, 'feature')
  for (const measure of ['importance_norm', 'auc', 'weight_logistic']) {
    const values = column(t, measure)
    for (const p of data.overview.predictors) {
      const own = values.filter((v, i) => features[i] === p.feature && v !== null).sort((a, b) => a - b)
      const at = q => { const x = (own.length - 1) * q, low = Math.floor(x); return own[low] + (own[Math.ceil(x)] - own[low]) * (x - low) }
      const wanted = [own.reduce((a, b) => a + b, 0) / own.length, at(0.25), at(0.75), own.length]
      check(wanted.every((v, i) => Math.abs(v - p[measure][i]) < 2e-4), `${p.feature}: ${measure} ${p[measure]} instead of ${wanted}`)
    }
  }
  const c = data.tables.find(x => x.name === 'results/feature_correlations'), one = column(c, 'feature'), other = column(c, 'other_feature')
  for (const [a, b, mean] of data.overview.correlations) {
    const own = column(c, 'pearson').filter((v, i) => one[i] === a && other[i] === b && v !== null)
    check(own.length > 0 && Math.abs(own.reduce((x, y) => x + y, 0) / own.length - mean) < 1e-3, `${a} and ${b}: ${mean}`)
  }
  check(data.overview.correlations.length === 36, `${data.overview.correlations.length} pairs of features`)
}

function files() {
  const pdf = readFileSync(`${work}/page.pdf`)
  check(pdf.subarray(0, 5).toString() === '%PDF-' && pdf.length > 50000, 'no PDF')
  check(readdirSync(`${work}/png`).sort().join() === CHARTS.map(c => `${c}.png`).join(), `the pictures are ${readdirSync(`${work}/png`)}`)
  for (const c of CHARTS) {
    const png = readFileSync(`${work}/png/${c}.png`)
    check(png.readUInt32BE(0) === 0x89504e47 && png.readUInt32BE(16) >= 900, `${c}.png is no picture of twice the size`)
  }
}

const data = dataOf(`${work}/page.html`)
const page = await open(browser, `${work}/page.html`)
for (const step of [everythingIsThere, zeroLines, dropdown, cutoffs, sorting, downloads, tooltips, dark, access]) await step(page, data)
check(!(await page.evaluate(() => 'pwned' in window || document.querySelector('img'))), 'a name became code or an element')
check(!page.bad.length, page.bad.join('\n'))
// The policy holds: neither a request nor foreign code gets out.
const held = await page.evaluate(async () => {
  const script = document.createElement('script')
  script.textContent = 'window.foreign = 1'
  document.body.append(script)
  return !window.foreign && await fetch('data:text/plain,x').then(() => false, () => true)
})
check(held, 'the content security policy lets something through')
await phone()
await bareRun()
lake()
overview(data)
files()
await browser.close()
end()
