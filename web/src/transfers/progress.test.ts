import { describe, expect, it } from 'vitest'
import type { Transfer } from '../api/types'
import { average, loss, progress } from './progress'

const t = (more: Partial<Transfer>) => ({ bytes: 0, files: 0, state: 'running', ...more }) as Transfer

describe('progress', () => {
  it('is a share with what is left', () => expect(progress(t({ bytes: 50e6, total_bytes: 200e6, eta_s: 75 }))).toEqual({ share: 0.25, text: '50.0 MB of 200 MB · 1 min 15 s left' }))
  it('is open while the total is not known', () => expect(progress(t({ bytes: 3e6, files: 2 }))).toEqual({ share: undefined, text: '3.00 MB · 2 files' }))
  it('never passes the end', () => expect(progress(t({ bytes: 10, total_bytes: 5 })).share).toBe(1))
  it('promises no end to what has failed', () => expect(progress(t({ state: 'failed', bytes: 5, total_bytes: 10, eta_s: 9 })).text).not.toContain('left'))
})

it('the average counts bits over the time it took', () => {
  expect(average(t({ bytes: 1e6, started_at: '2026-01-01T00:00:00Z', ended_at: '2026-01-01T00:00:04Z' }))).toBe(2e6)
  expect(average(t({ bytes: 1e6 }))).toBe(0)
})

it('a small loss is not no loss', () => expect([loss(0), loss(0.00005), loss(0.0021), loss(0.1), loss(undefined)]).toEqual(['0 %', '< 0.01 %', '0.21 %', '10.0 %', '–']))
