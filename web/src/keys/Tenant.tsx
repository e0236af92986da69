import { Link } from '@tanstack/react-router'
import { keep, useCluster } from '../shell/cluster'
import { useTenants } from './queries'

// short keeps both ends of an id that has no name.
export const short = (id: string): string => (id.length > 16 ? `${id.slice(0, 6)}…${id.slice(-6)}` : id)

// useTenantName is a tenant's name; of one that is not known (yet), the short id.
export function useTenantName(id: string): string {
  return useTenants().get(id) ?? short(id)
}

// Tenant is a tenant by name, and leads to all of its transfers.
export function Tenant({ id }: { id: string }) {
  const cluster = useCluster()
  const name = useTenantName(id)
  return (
    <Link to="/transfers" search={{ ...keep(cluster), access_key: id }} title={`All transfers of ${name} (${id})`}>
      {name}
    </Link>
  )
}
