import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { client } from '../api/client'
import { settingsQuery } from '../api/queries'
import { answer, Refusal } from '../api/refusal'
import { newProviderRoute } from '../router'
import { Command, Same } from '../ui/Copy'
import form from '../ui/form.module.css'
import { Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import { createBody, emptyDraft, redirectOf, type Kind } from './provider'
import { ProviderForm } from './ProviderForm'

const kinds: [Kind, string, string][] = [
  ['oidc', 'OpenID Connect', 'People are sent to the provider’s own page: Entra ID, Keycloak, Okta, Google, Zitadel.'],
  ['ldap', 'Directory (LDAP)', 'People type name and password here, the directory checks them: Active Directory, OpenLDAP.'],
]

export function NewProviderPage() {
  const { kind = 'oidc' } = newProviderRoute.useSearch()
  const [draft, setDraft] = useState(() => emptyDraft(kind === 'ldap' ? 'ldap' : 'oidc'))
  const { data: settings } = useQuery(settingsQuery)
  const navigate = useNavigate()
  const queries = useQueryClient()
  const make = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/sign-in-providers', { body: createBody(draft) })),
    onSuccess: async (p) => {
      await queries.invalidateQueries({ queryKey: ['sign-in-providers'] })
      return navigate({ to: '/settings/sign-in/$name', params: { name: p.name } })
    },
  })
  const refused = make.error instanceof Refusal ? make.error : undefined
  const submit = (e: FormEvent) => {
    e.preventDefault()
    make.mutate()
  }
  return (
    <Panel title="Add a sign-in provider">
      <form onSubmit={submit} className={form.form}>
        <fieldset className={form.group}>
          <legend>Kind</legend>
          <div className={form.cards}>
            {kinds.map(([value, title, text]) => (
              <label key={value} className={form.card}>
                <input type="radio" name="kind" value={value} checked={draft.kind === value} onChange={() => setDraft({ ...draft, kind: value })} />
                <b>{title}</b>
                <span>{text}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <TextInput
          label="Name"
          description="Small letters, digits and dashes. It stays, since addresses hold it."
          required
          maxLength={32}
          pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?"
          autoComplete="off"
          placeholder={draft.kind === 'oidc' ? 'acme' : 'office'}
          value={draft.name}
          error={refused?.field('name')}
          onChange={(e) => setDraft({ ...draft, name: e.currentTarget.value })}
        />
        <ProviderForm draft={draft} onChange={setDraft} refused={refused}>
          {draft.kind === 'oidc' && settings ? <Redirect url={redirectOf(settings.public_url, draft.name)} /> : null}
        </ProviderForm>
        <Trouble error={make.error} what="The provider was not added" />
        <div className="row">
          <Button type="submit" loading={make.isPending} disabled={!draft.name.trim()}>
            Add the provider
          </Button>
          <Button variant="default" renderRoot={(p) => <Link {...p} to="/settings/sign-in" />}>
            Leave it
          </Button>
        </div>
        <Same command="godwit signin create -f FILE" />
      </form>
    </Panel>
  )
}

// Redirect is what has to be told to an OpenID provider.
export function Redirect({ url }: { url: string }) {
  return (
    <div className={form.group}>
      <strong>Register this redirect URL at the provider</strong>
      <Command text={url} what="redirect URL" plain />
      <p className="dim">It begins with the address under General: that must be the one by which people reach this console.</p>
    </div>
  )
}
