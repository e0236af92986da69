// A sign-in provider as a form holds it, and as the API takes it.
import type { LDAPConfig, OIDCConfig, SignInProvider, SignInProviderCreate, SignInProviderUpdate } from '../api/types'
import type { Role } from '../account/may'

export type Kind = SignInProvider['kind']
type Rule = SignInProvider['roles'] extends (infer R)[] | null ? R : never

export interface Field {
  key: string
  label: string
  about: string
  required?: boolean
  holder?: string
  long?: boolean // a text of several lines
  pair?: boolean // beside its neighbour
}

const ca: Field = { key: 'ca_pem', label: 'Authority of its certificate', about: 'PEM, for a provider whose certificate a public authority did not sign. Trusted instead of the system’s.', long: true, holder: '-----BEGIN CERTIFICATE-----' }

// fieldsOf are the fields of each kind, in the order in which one looks them up at the provider.
export const fieldsOf: Record<Kind, Field[]> = {
  oidc: [
    { key: 'issuer', label: 'Issuer', about: 'As the provider names itself, to the letter, with or without the slash at its end. What it publishes at /.well-known/openid-configuration must say the same.', required: true, holder: 'https://id.example.org' },
    { key: 'client_id', label: 'Client id', about: 'What the provider calls Godwit: it gives the id when you register the redirect URL.', required: true },
    { key: 'scopes', label: 'More scopes', about: 'Besides openid, profile and email; with spaces.', holder: 'groups', pair: true },
    { key: 'groups_claim', label: 'Claim of the groups', about: 'Some name groups only if a scope asks for them.', holder: 'groups', pair: true },
    { key: 'name_claim', label: 'Claim of the name', about: 'What people are called here from their first sign-in on.', holder: 'preferred_username' },
    ca,
  ],
  ldap: [
    { key: 'url', label: 'Address', about: 'ldaps://host, or ldap://host, which must speak StartTLS. No password ever goes without TLS.', required: true, holder: 'ldaps://directory.example.org' },
    { key: 'bind_dn', label: 'User that searches', about: 'Its distinguished name; its password is the secret below. Empty: the directory is searched by nobody in particular.', holder: 'cn=godwit,ou=services,dc=example,dc=org' },
    { key: 'user_base', label: 'People are below', about: 'Where the search for somebody begins.', required: true, holder: 'ou=people,dc=example,dc=org' },
    { key: 'user_filter', label: 'Filter of people', about: '{name} is what was typed, escaped. Active Directory: (sAMAccountName={name}).', holder: '(uid={name})' },
    { key: 'name_attribute', label: 'Attribute of the name', about: 'Active Directory: sAMAccountName.', holder: 'uid', pair: true },
    { key: 'id_attribute', label: 'Attribute of the id', about: 'What never changes. Active Directory: objectGUID.', holder: 'entryUUID', pair: true },
    { key: 'group_base', label: 'Groups are below', about: 'Empty: the groups that memberOf lists, by their distinguished names.', holder: 'ou=groups,dc=example,dc=org' },
    { key: 'group_filter', label: 'Filter of groups', about: '{dn} and {name} are the person’s.', holder: '(member={dn})', pair: true },
    { key: 'group_attribute', label: 'Attribute of a group’s name', about: 'By which the groups below are named.', holder: 'cn', pair: true },
    ca,
  ],
}

export interface Draft {
  name: string
  title: string
  kind: Kind
  config: Record<string, string>
  secret: string // a new one; empty leaves what is stored
  forget: boolean // the stored secret
  roles: Rule[]
  default_role: Role | '' // '': who is in no group is not let in
}

export const emptyDraft = (kind: Kind): Draft => ({ name: '', title: '', kind, config: {}, secret: '', forget: false, roles: [{ group: '', role: 'operator' }], default_role: '' })

export function draftOf(p: SignInProvider): Draft {
  const stored = Object.entries(p.oidc ?? p.ldap ?? {})
  return {
    name: p.name,
    title: p.title ?? '',
    kind: p.kind,
    config: Object.fromEntries(stored.map(([k, v]) => [k, Array.isArray(v) ? v.join(' ') : String(v)])),
    secret: '',
    forget: false,
    roles: p.roles ?? [],
    default_role: (p.default_role ?? '') as Role | '',
  }
}

// part is the half of the body that is of the draft's kind. What is empty is left out: the manager knows the defaults.
function part(d: Draft): { oidc: OIDCConfig } | { ldap: LDAPConfig } {
  const filled = Object.fromEntries(
    fieldsOf[d.kind].map((f) => [f.key, (d.config[f.key] ?? '').trim()] as const).filter(([, v]) => v),
  )
  if (d.kind === 'ldap') return { ldap: filled as unknown as LDAPConfig }
  const { scopes, ...rest } = filled
  return { oidc: { ...rest, ...(scopes && { scopes: scopes.split(/[\s,]+/).filter(Boolean) }) } as OIDCConfig }
}

const rules = (d: Draft): Rule[] => d.roles.map((r) => ({ ...r, group: r.group.trim() })).filter((r) => r.group)

export function createBody(d: Draft): SignInProviderCreate {
  return {
    name: d.name.trim(),
    ...(d.title.trim() && { title: d.title.trim() }),
    ...part(d),
    ...(d.secret && { secret: d.secret }),
    roles: rules(d),
    ...(d.default_role && { default_role: d.default_role }),
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

// updateBody is what the draft changes of what it was begun from; nothing of it is what was not touched.
export function updateBody(base: SignInProvider, d: Draft): SignInProviderUpdate {
  const was = draftOf(base)
  return {
    ...(d.title.trim() !== was.title && { title: d.title.trim() }),
    ...(!same(part(d), part(was)) && part(d)),
    ...(d.forget ? { secret: '' } : d.secret && { secret: d.secret }),
    ...(!same(rules(d), rules(was)) && { roles: rules(d) }),
    ...(d.default_role !== was.default_role && { default_role: d.default_role || 'none' }),
  }
}

// rebased is the draft over what somebody else stored meanwhile: what was not touched is theirs.
export function rebased(base: SignInProvider, theirs: SignInProvider, d: Draft): Draft {
  const was = draftOf(base)
  const now = draftOf(theirs)
  const keep = <T>(mine: T, before: T, other: T): T => (same(mine, before) ? other : mine)
  const keys = fieldsOf[d.kind].map((f) => f.key)
  return {
    ...d,
    title: keep(d.title, was.title, now.title),
    config: Object.fromEntries(keys.map((k) => [k, keep(d.config[k] ?? '', was.config[k] ?? '', now.config[k] ?? '')]).filter(([, v]) => v)),
    roles: keep(d.roles, was.roles, now.roles),
    default_role: keep(d.default_role, was.default_role, now.default_role),
  }
}

// settable is what can be changed of a provider, for a comparison in words.
export const settable = (p: SignInProvider) => ({
  title: p.title ?? '', enabled: p.enabled, ...p.oidc, ...p.ldap, has_secret: p.has_secret,
  roles: (p.roles ?? []).map((r) => `${r.group}: ${r.role}`), everybody_else: p.default_role ?? 'not let in',
})

// redirectOf is where an OpenID provider sends people back to.
export const redirectOf = (publicURL: string, name: string): string => `${publicURL}/api/v1/sign-in/oidc/${name.trim() || 'NAME'}/callback`

export type ProviderState = 'ok' | 'failing' | 'off' | 'idle'
export const stateOf = (p: SignInProvider): ProviderState => (!p.enabled ? 'off' : p.failure ? 'failing' : p.ok_at ? 'ok' : 'idle')
