// The browser that tests use: Debian's Chromium, kept off every network but this machine.
import { chromium } from 'playwright-core'

export async function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    chromiumSandbox: false,
    args: ['--disable-quic', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'],
  })
}

export const desktop = { width: 1280, height: 900 }
export const phone = { width: 390, height: 844 }

// watch collects what a healthy page never has: script errors and refused content.
export function watch(page) {
  const complaints = []
  page.on('pageerror', (e) => complaints.push(`page error: ${e.message}`))
  page.on('console', (m) => {
    if (m.type() === 'error' && !/status of (401|404|409|412|422|503)|ERR_CONNECTION|ERR_NETWORK|ERR_HTTP2|ERR_INCOMPLETE/.test(m.text())) complaints.push(m.text())
  })
  return complaints
}

// trace counts the tasks that held up a page for longer than a frame or three, as the browser itself reports them.
export async function trace(page) {
  await page.addInitScript(() => {
    window.longTasks = []
    new PerformanceObserver((l) => window.longTasks.push(...l.getEntries().map((e) => Math.round(e.duration)))).observe({ type: 'longtask', buffered: true })
  })
}
