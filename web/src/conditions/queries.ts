// What is or was the matter with clusters.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'

export interface ConditionFilter {
  cluster?: string | undefined
  kind?: string | undefined
  open?: boolean | undefined
  from?: string | undefined
}

const query = (f: ConditionFilter) => ({
  ...(f.cluster && { cluster: f.cluster }),
  ...(f.kind && { kind: f.kind }),
  ...(f.open && { open: true }),
  ...(f.from && { from: f.from }),
})

export const conditionsQuery = (f: ConditionFilter) =>
  infiniteQueryOptions({
    queryKey: ['conditions', f],
    queryFn: ({ signal, pageParam }) => answer(client.GET('/api/v1/conditions', { params: { query: { limit: 50, ...query(f), ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
  })

// recentConditionsQuery are those that last, and those that ended within the last hour.
export const recentConditionsQuery = (cluster: string | undefined) =>
  queryOptions({
    queryKey: ['conditions', 'recent', cluster ?? ''],
    queryFn: ({ signal }) =>
      answer(client.GET('/api/v1/conditions', { params: { query: { limit: 20, from: new Date(Date.now() - 3_600_000).toISOString(), ...(cluster && { cluster }) } }, signal })),
    refetchInterval: 5_000,
  })
