// What the console feels like over a crowd: when the overview paints, and how long the page is deaf while tables scroll.
//
//	node web/e2e/crowd.mjs https://host:port user password [directory for pictures]
//
// Prints one JSON object; times in milliseconds. `paint` is the first contentful paint, `ready` when the overview's
// figures are there; a long task is one that blocks the page for 50 ms or more.
import path from 'node:path'
import { desktop, openBrowser, watch } from './browser.mjs'

const [origin, user, password, pictures] = process.argv.slice(2)
const patience = { timeout: 60_000 }
const browser = await openBrowser()

try {
  const context = await browser.newContext({ viewport: desktop, ignoreHTTPSErrors: true })
  await context.addInitScript(() => {
    window.longTasks = []
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) window.longTasks.push({ start: e.startTime, ms: e.duration })
    }).observe({ type: 'longtask', buffered: true })
  })
  const page = await context.newPage()
  const complaints = watch(page)
  await page.goto(`${origin}/sign-in`)
  await page.getByLabel('Name').fill(user)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((u) => !u.pathname.startsWith('/sign-in'), patience)

  const picture = (name) => pictures && page.screenshot({ path: path.join(pictures, `1280-crowd-${name}.png`) })
  const overview = []
  for (let i = 0; i < 5; i++) overview.push(await open(page, `${origin}/`))
  overview.sort((a, b) => a.ready - b.ready)
  await picture('overview')
  const resting = await tasks(page, () => page.waitForTimeout(10_000))

  const tables = {}
  for (const name of ['nodes', 'transfers']) {
    await page.goto(`${origin}/${name}`)
    await page.getByRole('row').nth(5).waitFor(patience)
    await page.waitForTimeout(1_000)
    tables[name] = await tasks(page, () => scroll(page))
    await picture(name)
  }
  process.stdout.write(JSON.stringify({ overview: overview[2], overview_worst: overview[4], resting, tables, complaints }))
} finally {
  await browser.close()
}

// open loads a page from nothing and says when it was there.
async function open(page, url) {
  await page.goto('about:blank')
  const began = Date.now()
  await page.goto(url, { waitUntil: 'commit' })
  await page.getByText(/Healthy|Needs a look/).first().waitFor(patience)
  const ready = Date.now() - began
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null)
  return { paint: paint && Math.round(paint), ready }
}

// tasks counts the long tasks while something goes on.
async function tasks(page, act) {
  const from = await page.evaluate(() => performance.now())
  await act()
  const list = await page.evaluate((from) => window.longTasks.filter((t) => t.start >= from).map((t) => t.ms), from)
  return { long_tasks: list.length, worst_ms: Math.round(Math.max(0, ...list)) }
}

// scroll turns the wheel over the table for ten seconds, as somebody in search of a row does.
async function scroll(page) {
  await page.mouse.move(desktop.width / 2, desktop.height / 2)
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    await page.mouse.wheel(0, 400)
    await page.waitForTimeout(50)
  }
}
