import type { Role } from '../account/may'

// sections of the settings, each with the role that may read it.
export const sections = [
  { to: '/settings', name: 'General', role: 'viewer' },
  { to: '/settings/account', name: 'Your account', role: 'viewer' },
  { to: '/settings/users', name: 'Users', role: 'admin' },
  { to: '/settings/sign-in', name: 'Sign-in', role: 'admin' },
  { to: '/settings/sessions', name: 'Sessions', role: 'viewer' },
  { to: '/settings/tokens', name: 'API tokens', role: 'viewer' },
  { to: '/settings/notifications', name: 'Notifications', role: 'admin' },
  { to: '/settings/logs', name: 'Log levels', role: 'viewer' },
  { to: '/settings/audit', name: 'Audit', role: 'admin' },
] as const satisfies readonly { to: string; name: string; role: Role }[]
