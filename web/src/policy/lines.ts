import type { Policy } from '../api/types'
import type { Line } from '../ui/Changes'
import { changes, label, shown } from './draft'

// linesOf are the differences of two policies, named as the form names them.
export const linesOf = (before: Policy, after: Policy): Line[] => changes(before, after).map((c) => ({ label: label(c.path), before: shown(c.path, c.before), after: shown(c.path, c.after) }))
