// A person's first hour with Godwit, in a real browser against a real manager: from the set-up link over the first transfer
// to a team that works with it. Each chapter is a file; this one opens the book.
//
// GODWIT_SETUP is the set-up link, GODWIT the command line, GODWIT_WORK a directory for files, GODWIT_SHOTS one for pictures.
import assert from 'node:assert/strict'
import path from 'node:path'
import { openBrowser } from './browser.mjs'
import * as accounts from './accounts.mjs'
import * as arrival from './arrival.mjs'
import * as operating from './operating.mjs'
import * as design from './design.mjs'
import { newStory } from './story.mjs'
import * as tenants from './tenants.mjs'

const { GODWIT_SETUP: setup, GODWIT: godwit, GODWIT_WORK: work, GODWIT_SHOTS: pictures } = process.env
const password = process.env.GODWIT_PASSWORD ?? 'correct horse battery'

const browser = await openBrowser()
const s = await newStory(browser, new URL(setup).origin, pictures)
Object.assign(s, { browser, setup, godwit, work, password, children: [] })

try {
  for (const chapter of [arrival, operating, design, tenants, accounts]) await chapter.tell(s)
  s.step = 'what holds for all screens'
  assert.deepEqual(s.complaints, [], 'the browser complained')
  assert.deepEqual(s.findings, [], 'the accessibility checker found something serious')
  console.log(`long tasks: ${s.slow.join(', ') || 'none'}`)
} catch (e) {
  console.log(`FAIL ${s.step}: ${e.stack ?? e}`)
  for (const [what, list] of [['the browser complained', s.complaints], ['accessibility', s.findings]]) if (list.length) console.log(`${what}:\n${list.join('\n')}`)
  await s.page.screenshot({ path: path.join(pictures, 'failure.png') }).catch(() => {})
  process.exitCode = 1
} finally {
  for (const c of s.children) c.kill()
  await browser.close()
}
