import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import { clustersQuery, nodesQuery } from '../api/queries'
import { useTenants } from '../keys/queries'

// useNamesOfThings finds the name of a cluster, a node or a tenant by its id.
export function useNamesOfThings(): (id: string) => string | undefined {
  const { data: clusters } = useQuery(clustersQuery)
  const { data: nodes } = useQuery({ ...nodesQuery({}), staleTime: 30_000 })
  const tenants = useTenants()
  return useCallback((id) => tenants.get(id) ?? clusters?.items.find((c) => c.id === id)?.name ?? nodes?.find((n) => n.id === id)?.name, [clusters, nodes, tenants])
}
