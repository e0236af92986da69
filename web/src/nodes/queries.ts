// What the page of one node reads beyond the node itself.
import { queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'

export const nodeServicesQuery = (id: string) =>
  queryOptions({
    queryKey: ['node-services', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/nodes/{node}/services', { params: { path: { node: id } }, signal })),
    refetchInterval: 5_000,
  })

export const nodeSessionsQuery = (id: string) =>
  queryOptions({
    queryKey: ['node-sessions', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/nodes/{node}/sessions', { params: { path: { node: id }, query: { limit: 100 } }, signal })),
    refetchInterval: 3_000,
  })

export const nodeConsoleQuery = (id: string) =>
  queryOptions({
    queryKey: ['node-console', id],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/nodes/{node}/console', { params: { path: { node: id } }, signal })),
    staleTime: 30_000,
    retry: false,
  })
