import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { fireEvent, render, screen, waitFor } from '@testing-library/react'
import { afterEach, expect, it, vi } from 'vitest'
import type { User } from '../api/types'
import { Rename } from './UsersPage'

afterEach(() => vi.unstubAllGlobals())

const ada: User = { id: 'u1', name: 'ada', role: 'viewer', created_at: '2026-03-01T08:00:00Z', disabled: false, external: false }

it('renames a user from the version that was read', async () => {
  const asked: string[] = []
  vi.stubGlobal('fetch', async (r: Request) => {
    asked.push(`${r.method} ${new URL(r.url).pathname} ${r.headers.get('If-Match') ?? ''} ${await r.text()}`.trim())
    return Response.json(ada, { headers: { ETag: '"7"' } })
  })
  const closed = vi.fn()
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider>
        <Rename user={ada} onClose={closed} />
      </MantineProvider>
    </QueryClientProvider>,
  )
  const button = await screen.findByRole('button', { name: 'Rename' })
  expect(button.hasAttribute('disabled')).toBe(true)
  fireEvent.change(screen.getByLabelText(/New name/), { target: { value: ' ada.l ' } })
  fireEvent.click(button)
  await waitFor(() => expect(closed).toHaveBeenCalled())
  expect(asked).toEqual(['GET /api/v1/users/u1', 'PATCH /api/v1/users/u1 "7" {"name":"ada.l"}'])
})
