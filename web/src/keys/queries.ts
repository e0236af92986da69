// What the screens know of tenants.
import { queryOptions, useQuery } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'
import type { AccessKey } from '../api/types'

// Pages are read to the end: a list that is searched and sorted is worth it. More tenants than this are searched by name.
const most = 5_000

export const keysQuery = (f: { q?: string | undefined; revoked?: boolean | undefined } = {}) =>
  queryOptions({
    queryKey: ['access-keys', f],
    queryFn: async ({ signal }) => {
      const items: AccessKey[] = []
      let cursor: string | undefined
      do {
        const page = await answer(
          client.GET('/api/v1/access-keys', { params: { query: { limit: 500, ...(f.q && { q: f.q }), ...(f.revoked && { revoked: true }), ...(cursor && { cursor }) } }, signal }),
        )
        items.push(...page.items)
        cursor = page.next_cursor || undefined
      } while (cursor && items.length < most)
      return items
    },
  })

export const keyQuery = (id: string) =>
  queryOptions({
    queryKey: ['access-key', id],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/access-keys/{key}', { params: { path: { key: id } }, signal })),
  })

// useTenants is the names of the tenants by id, of revoked ones too.
export function useTenants(): ReadonlyMap<string, string> {
  const { data } = useQuery({ ...keysQuery({ revoked: true }), staleTime: 60_000, select: namesOf })
  return data ?? nobody
}

const nobody: ReadonlyMap<string, string> = new Map()
const namesOf = (keys: AccessKey[]): ReadonlyMap<string, string> => new Map(keys.map((k) => [k.id, k.name]))
