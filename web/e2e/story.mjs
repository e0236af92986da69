// What every chapter of the walk uses: promises that are kept or not, pictures of each screen in both lights and widths,
// and a look at each by the accessibility checker.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { desktop, phone, trace, watch } from './browser.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const patience = { timeout: Number(process.env.GODWIT_PATIENCE ?? 60_000) }

export async function newStory(browser, origin, pictures) {
  mkdirSync(pictures, { recursive: true })
  const context = await browser.newContext({ viewport: desktop, ignoreHTTPSErrors: true, permissions: ['clipboard-read', 'clipboard-write'] })
  const page = await context.newPage()
  const complaints = watch(page)
  await trace(page)
  const s = { context, page, complaints, origin, pictures, step: '', kept: 0, findings: [], slow: [] }

  // promise is one thing that a person may rely on.
  s.promise = async (name, f) => {
    s.step = name
    const began = Date.now()
    await f()
    s.kept++
    console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  }

  s.rail = (name) => page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name, exact: true })

  // at goes to a view and waits for its heading.
  s.at = async (view) => {
    await page.goto(origin + view)
    await page.getByRole('heading', { level: 1 }).first().waitFor(patience)
  }

  // lookAt gives what looks at what a page shows: wide and narrow, light and dark. Nothing may be wider than a phone, and the checker may
  // find nothing serious. A dialog is looked at as it stands, since a new width may place it anew.
  s.lookAt = (page) => async (name, { narrow = true } = {}) => {
    for (const [width, size] of narrow ? [['1280', desktop], ['390', phone]] : [['1280', desktop]]) {
      if (narrow) await page.setViewportSize(size)
      await page.waitForFunction(() => document.documentElement.scrollWidth <= window.innerWidth, undefined, { timeout: 5_000 }).catch(async () => {
        assert.fail(`${name} is wider than ${width} px: ${await page.evaluate(() => document.documentElement.scrollWidth)}`)
      })
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
        await page.screenshot({ path: path.join(pictures, `${width}-${name}-${colorScheme}.png`) })
        if (width === '1280') await check(s, page, name, colorScheme)
      }
    }
    if (narrow) await page.setViewportSize(desktop)
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: null })
    const long = await page.evaluate(() => window.longTasks?.splice(0) ?? [])
    if (long.length) s.slow.push(`${name} ${Math.max(...long)} ms`)
  }
  s.screen = s.lookAt(page)
  return s
}

async function check(s, page, name, light) {
  await page.evaluate(`${axe}; 0`)
  const found = await page.evaluate(async () => {
    const r = await window.axe.run(document, { resultTypes: ['violations'] })
    return r.violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .flatMap((v) => v.nodes.map((n) => `${v.impact} ${v.id} at ${n.target.join(' ')}: ${n.any[0]?.message ?? v.help} in ${n.html.slice(0, 160)}`))
  })
  s.findings.push(...found.map((f) => `${name}, ${light}: ${f}`))
}
