// A page in headless Chromium, with everything noted that must not happen: errors, console messages, requests.
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'

export const launch = browser => chromium.launch({
  executablePath: browser, args: ['--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : [])],
})

export async function open(browser, file, options = {}, hash = '') {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options })
  const url = pathToFileURL(file).href
  page.bad = []
  page.on('console', m => page.bad.push(`console ${m.type()}: ${m.text()}`))
  page.on('pageerror', e => page.bad.push(`error: ${e.message}`))
  page.on('dialog', d => { page.bad.push(`dialog: ${d.message()}`); d.dismiss() })
  page.on('request', r => { if (!r.url().startsWith(url) && !/^(data|blob):/.test(r.url())) page.bad.push(`request: ${r.url()}`) })
  await page.goto(url + hash)
  await page.waitForFunction(() => document.documentElement.dataset.whole || document.documentElement.dataset.error, null, { timeout: 60000 })
  return page
}

let failures = 0

export function check(ok, words) {
  if (ok) return
  failures++
  console.log(`failed: ${words}`)
}

export const end = () => { process.exitCode = failures ? 1 : 0 }
