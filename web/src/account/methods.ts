// The ways in, and what became of somebody who took one that leads by another site.
import { queryOptions } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { SignInMethod, SignInMethods } from '../api/types'
import { safeReturn } from '../shell/search'

export const methodsQuery = queryOptions({
  queryKey: ['sign-in-methods'],
  queryFn: ({ signal }) => answer(client.GET('/api/v1/sign-in-methods', { signal })),
  staleTime: 10_000,
})

// local is the password kept by Godwit; the others are directories.
export const local = ''

// doors are the places that take a name and a password, the likeliest first: where passwords kept here are for
// administrators alone, most people belong to a directory.
export function doors(m: SignInMethods | undefined): { name: string; title: string; failing: boolean }[] {
  const own = { name: local, title: 'Godwit', failing: false }
  const directories = (m?.providers ?? []).filter((p) => p.kind === 'ldap').map((p) => ({ name: p.name, title: p.title, failing: p.failing }))
  return m?.local === 'administrators' ? [...directories, own] : [own, ...directories]
}

const away = new Map<string, (who: string) => string>(Object.entries({
  provider_unavailable: (who) => `${who} cannot be asked at the moment. Try again later; administrators sign in with a password kept here, and see in the settings why it fails.`,
  no_role: (who) => `${who} knows you, but none of your groups may sign in here. Ask an administrator to name one of them in the settings of ${who}.`,
  name_taken: (who) => `Another user here has the name that ${who} gives you. It is not taken over: an administrator must rename one of you.`,
  bad_name: (who) => `The name that ${who} gives you cannot be used here: it needs letters, digits and . _ @ - only, 64 at most.`,
  disabled: () => 'You are disabled here. Ask an administrator.',
  expired: () => 'It took too long, or was begun in another browser. Begin again.',
  refused: (who) => `${who} did not sign you in: you went back there, or may not use Godwit there.`,
  unauthorized: (who) => `What ${who} said of you could not be relied on. Begin again; if it stays so, an administrator finds the reason in the manager’s log.`,
  too_many_requests: () => 'There were too many attempts from your address. Wait a minute, then begin again.',
}))

// refusedWords says why a provider's way back ended here. The words are chosen by the code: the address could have been
// written by anybody, so nothing else of it is shown.
export function refusedWords(code: string, provider: string | undefined, providers: SignInMethod[]): string {
  const who = providers.find((p) => p.name === provider)?.title ?? 'The sign-in provider'
  return (away.get(code) ?? ((w: string) => `Coming back from ${w} something went wrong. Begin again; if it stays so, an administrator finds the reason in the manager’s log.`))(who)
}

const place = 'godwit.return'

// leave remembers where somebody wanted to go before another site signs them in.
export function leave(from: string | undefined): void {
  if (from) sessionStorage.setItem(place, from)
  else sessionStorage.removeItem(place)
}

// comeBack is that place, once.
export function comeBack(): string | undefined {
  const from = sessionStorage.getItem(place)
  sessionStorage.removeItem(place)
  const to = safeReturn(from ?? undefined)
  return from && to !== '/' ? to : undefined
}
