import { render, screen } from '@testing-library/react'
import { describe, expect, it } from 'vitest'
import { LiveContext } from '../api/live'
import { Aged } from './Aged'

const shown = (up: boolean, at: number) => {
  const { container, unmount } = render(
    <LiveContext value={{ up, downSince: up ? undefined : at }}>
      <Aged at={at}>nodes</Aged>
    </LiveContext>,
  )
  const seen = { grey: container.querySelector('.stale') !== null, dated: screen.queryByText(/^As of/) !== null, there: screen.queryByText('nodes') !== null }
  unmount()
  return seen
}

describe('what was read a while ago', () => {
  const minute = Date.now() - 60_000
  it('is grey and dated while the manager cannot be reached', () => expect(shown(false, minute)).toMatchObject({ grey: true, dated: true }))
  it('is as it is while events come that would change it', () => expect(shown(true, minute)).toMatchObject({ grey: false, dated: false }))
  it('is as it is for the moment of a new connection', () => expect(shown(false, Date.now())).toMatchObject({ grey: false, dated: false }))
  it('has no date before anything was read', () => expect(shown(false, 0)).toMatchObject({ grey: false, dated: false }))
})
