// What the settings read.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'

interface PageOf<T> {
  items: T[]
  next_cursor?: string
}

// all reads a list to its end.
async function all<T>(page: (cursor: string | undefined) => Promise<PageOf<T>>): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const p = await page(cursor)
    items.push(...p.items)
    cursor = p.next_cursor || undefined
  } while (cursor)
  return items
}

const listed = (cursor: string | undefined) => ({ query: { limit: 500, ...(cursor && { cursor }) } })

export const usersQuery = queryOptions({
  queryKey: ['users'],
  queryFn: ({ signal }) => all((c) => answer(client.GET('/api/v1/users', { params: listed(c), signal }))),
})

export const tokensQuery = queryOptions({
  queryKey: ['api-tokens'],
  queryFn: ({ signal }) => all((c) => answer(client.GET('/api/v1/api-tokens', { params: listed(c), signal }))),
})

export interface AuditFilter {
  actor?: string | undefined
  object?: string | undefined
  object_id?: string | undefined
  action?: string | undefined
  q?: string | undefined
  from?: string | undefined
}

export const auditQuery = (f: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ['audit', f],
    queryFn: ({ signal, pageParam }) =>
      answer(
        client.GET('/api/v1/audit', {
          params: {
            query: {
              limit: 50,
              ...(f.actor && { actor: f.actor }),
              ...(f.object && { object: f.object }),
              ...(f.object_id && { object_id: f.object_id }),
              ...(f.action && { action: f.action }),
              ...(f.q && { q: f.q }),
              ...(f.from && { from: f.from }),
              ...(pageParam && { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    refetchOnMount: 'always',
  })

export const taggedSettingsQuery = queryOptions({
  queryKey: ['settings', 'tagged'],
  queryFn: ({ signal }) => tagged(client.GET('/api/v1/settings', { signal })),
})

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => all((c) => answer(client.GET('/api/v1/sessions', { params: listed(c), signal }))),
})

export const notificationsQuery = queryOptions({
  queryKey: ['notifications'],
  queryFn: ({ signal }) => all((c) => answer(client.GET('/api/v1/notifications', { params: listed(c), signal }))),
  refetchInterval: 10_000,
})

export const deliveriesQuery = (id: string) =>
  queryOptions({
    queryKey: ['deliveries', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/notifications/{notification}/deliveries', { params: { path: { notification: id }, query: { limit: 20 } }, signal })),
    refetchInterval: 5_000,
  })

export const logLevelsQuery = queryOptions({
  queryKey: ['log-levels'],
  queryFn: ({ signal }) => tagged(client.GET('/api/v1/log-levels', { signal })),
})

export const providersQuery = queryOptions({
  queryKey: ['sign-in-providers'],
  queryFn: ({ signal }) => all((c) => answer(client.GET('/api/v1/sign-in-providers', { params: listed(c), signal }))),
  refetchInterval: 10_000,
})

export const providerQuery = (name: string) =>
  queryOptions({
    queryKey: ['sign-in-providers', name],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/sign-in-providers/{provider}', { params: { path: { provider: name } }, signal })),
    refetchInterval: 10_000,
  })
