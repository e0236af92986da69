import { MantineProvider } from '@mantine/core'
import { render, screen } from '@testing-library/react'
import { expect, it, vi } from 'vitest'
import type { WhatIf } from '../api/types'
import { Outcome } from './WhatIf'

vi.mock('../ui/TimeChart', () => ({ TimeChart: () => null })) // no canvas here

const run = { node_hours: 10, warm_hours: 0, launches: 1, starts: 0, drains: 0, refusals: 0, session_seconds: 1, under_seconds: 0, peak_nodes: 2 }
const answer: WhatIf = {
  from: '2026-03-01T08:00:00Z', to: '2026-03-08T08:00:00Z', coverage: 1, recorded: run, current: run, proposed: run, changes: [], series: [], text: '',
  notes: ['the forecast decided nothing: it needs a day to learn'],
}

it('shows what the manager notes of the numbers', () => {
  render(<MantineProvider><Outcome a={answer} edited /></MantineProvider>)
  expect(screen.getByRole('list', { name: 'Notes on these numbers' }).textContent).toBe('The forecast decided nothing: it needs a day to learn')
})
