import { act, fireEvent, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answer, Refusal } from '../api/refusal'
import { tokenOf } from '../account/SetupPage'
import { Ago } from './Ago'
import { Copy } from './Copy'
import { arrivals } from './still'
import { Trouble } from './Trouble'

describe('trouble', () => {
  it('says what failed, why, and the request that the log knows', async () => {
    const problem = { type: '', title: 'Conflict', status: 409, detail: 'cluster local is being deleted', code: 'conflict', request_id: 'req-12345678' }
    const call = answer(Promise.resolve({ error: problem, response: new Response(null, { status: 409 }) }))
    const e = await call.catch((x: unknown) => x)
    expect(e).toBeInstanceOf(Refusal)
    render(<Trouble error={e} what="Nothing was changed" />)
    const box = screen.getByRole('alert').textContent
    for (const part of ['Nothing was changed', 'cluster local is being deleted', 'req-12345678']) expect(box).toContain(part)
  })
  it('a silent manager is told in words, not in code', async () => {
    const e = await answer(Promise.reject(new TypeError('Failed to fetch'))).catch((x: unknown) => x)
    expect((e as Refusal).status).toBe(0)
    expect((e as Refusal).message).toContain('does not answer')
  })
  it('an answer that is no problem document keeps its status and request id', async () => {
    const response = new Response('<html>', { status: 502, statusText: 'Bad Gateway', headers: { 'X-Request-Id': 'proxy-123' } })
    const e = (await answer(Promise.resolve({ error: '<html>', response })).catch((x: unknown) => x)) as Refusal
    expect([e.message, e.requestId]).toEqual(['The manager answered 502 Bad Gateway.', 'proxy-123'])
  })
})

describe('relative time', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:10Z') }))
  afterEach(() => void vi.useRealTimers())
  it('goes on by itself, with the absolute time on hover', () => {
    render(<Ago at="2026-01-01T00:00:00Z" />)
    expect(screen.getByText('10 s ago').title).toContain('2026-01-01 00:00:00 UTC')
    act(() => void vi.advanceTimersByTime(3000))
    expect(screen.getByText('13 s ago')).toBeTruthy()
  })
})

describe('copy', () => {
  it('says that it copied', async () => {
    const writeText = vi.fn(() => Promise.resolve())
    vi.stubGlobal('navigator', { clipboard: { writeText } })
    render(<Copy text="godwit cp" what="command" />)
    await act(async () => void fireEvent.click(screen.getByRole('button', { name: 'Copy command' })))
    expect(writeText).toHaveBeenCalledWith('godwit cp')
    expect(screen.getByText('copied')).toBeTruthy()
    vi.unstubAllGlobals()
  })
})

it('rows that came since one began to look wait, newest first', () => {
  const row = (id: string) => ({ id })
  const known = new Set(['2', '1'])
  const { fresh, old } = arrivals([row('4'), row('3'), row('2'), row('1'), row('0')], known)
  expect([fresh.map((r) => r.id), old.map((r) => r.id)]).toEqual([['4', '3'], ['2', '1', '0']])
  expect(arrivals([row('9')], known).fresh).toEqual([])
})

it('the set-up token is read from the fragment, which no server sees', () => {
  expect(tokenOf('#token=abc_-1')).toBe('abc_-1')
  expect(tokenOf('')).toBe('')
})
