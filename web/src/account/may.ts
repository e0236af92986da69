import { useQuery } from '@tanstack/react-query'
import { meQuery } from '../api/queries'
import type { Me } from '../api/types'

export type Role = 'viewer' | 'operator' | 'admin'

const rank: Record<string, number> = { viewer: 1, operator: 2, admin: 3 }

// includes tells whether somebody may do what asks for a role: each role includes those before it.
export const includes = (me: Pick<Me, 'role'> | undefined, wanted: Role): boolean => (rank[me?.role ?? ''] ?? 0) >= rank[wanted]!

// useMay tells what the person at the screen may do, so that no button is shown that would be refused.
export function useMay(wanted: Role): boolean {
  const { data: me } = useQuery(meQuery)
  return includes(me, wanted)
}
