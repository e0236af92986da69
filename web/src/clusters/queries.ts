// What the screens of clusters and policies read.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer, tagged } from '../api/refusal'

export const clusterQuery = (name: string) =>
  queryOptions({
    queryKey: ['cluster', name],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}', { params: { path: { cluster: name } }, signal })),
  })

export const policyQuery = (name: string) =>
  queryOptions({
    queryKey: ['policy', name],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/clusters/{cluster}/policy', { params: { path: { cluster: name } }, signal })),
  })

// The version in force is part of the key: a new one brings a new list.
export const policyVersionsQuery = (name: string, version: number) =>
  infiniteQueryOptions({
    queryKey: ['policy-versions', name, version],
    queryFn: ({ signal, pageParam }) =>
      answer(client.GET('/api/v1/clusters/{cluster}/policy/versions', { params: { path: { cluster: name }, query: { limit: 20, ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    placeholderData: keepPreviousData,
  })

export const conditionsQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['conditions', cluster],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/conditions', { params: { query: { cluster, limit: 8 } }, signal })),
    refetchInterval: 10_000,
  })

export const templatesQuery = queryOptions({
  queryKey: ['templates'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/templates', { params: { query: { limit: 500 } }, signal })),
})

export const templateQuery = (name: string) =>
  queryOptions({
    queryKey: ['template', name],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/templates/{template}', { params: { path: { template: name } }, signal })),
  })

// changed are the nouns that any act on a cluster may move.
export const changed = ['clusters', 'cluster', 'overview', 'nodes', 'templates', 'template', 'policy', 'policy-versions', 'preview']

export const templateVersionsQuery = (name: string, version: number) =>
  infiniteQueryOptions({
    queryKey: ['template-versions', name, version],
    queryFn: ({ signal, pageParam }) =>
      answer(client.GET('/api/v1/templates/{template}/versions', { params: { path: { template: name }, query: { limit: 20, ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    placeholderData: keepPreviousData,
  })

export const configurationQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['configuration', cluster],
    queryFn: ({ signal }) => tagged(client.GET('/api/v1/clusters/{cluster}/configuration', { params: { path: { cluster } }, signal })),
    refetchInterval: 10_000,
  })

export const configurationVersionsQuery = (cluster: string, version: number) =>
  infiniteQueryOptions({
    queryKey: ['configuration-versions', cluster, version],
    queryFn: ({ signal, pageParam }) =>
      answer(client.GET('/api/v1/clusters/{cluster}/configuration/versions', { params: { path: { cluster }, query: { limit: 20, ...(pageParam && { cursor: pageParam }) } }, signal })),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor || undefined,
    placeholderData: keepPreviousData,
  })

// rolloutQuery is read often while nodes are still on their way, so that one sees them arrive.
export const rolloutQuery = (cluster: string) =>
  queryOptions({
    queryKey: ['rollout', cluster],
    queryFn: ({ signal }) => answer(client.GET('/api/v1/clusters/{cluster}/configuration/rollout', { params: { path: { cluster } }, signal })),
    refetchInterval: (q) => ((q.state.data?.pending ?? 1) > 0 ? 1_000 : 5_000),
  })
