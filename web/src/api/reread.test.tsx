import { QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query'
import { act, render } from '@testing-library/react'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useReread } from './reread'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('reads again in time although events change the data all the while', async () => {
  const queries = new QueryClient()
  const read = vi.fn(() => Promise.resolve(0))
  function View() {
    const { refetch } = useQuery({ queryKey: ['x'], queryFn: read, staleTime: Infinity })
    useReread(refetch, 5000)
    return null
  }
  render(
    <QueryClientProvider client={queries}>
      <View />
    </QueryClientProvider>,
  )
  await act(() => vi.advanceTimersByTimeAsync(0))
  expect(read).toHaveBeenCalledTimes(1)
  for (let i = 1; i <= 11; i++) {
    await act(async () => {
      queries.setQueryData(['x'], i)
      await vi.advanceTimersByTimeAsync(1000)
    })
  }
  expect(read).toHaveBeenCalledTimes(3)
})
