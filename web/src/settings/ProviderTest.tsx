import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import { Trouble } from '../ui/Trouble'

const hint = (failure: string): string => {
  if (/private|not allowed|allow/i.test(failure)) return 'Allow its address under General, “Private addresses that may be called”.'
  if (/certificate|x509/i.test(failure)) return 'Compare its certificate’s authority with the one given here.'
  if (/no such host|lookup/i.test(failure)) return 'The name is not known to the manager’s machine.'
  return 'Compare what is said here with what the provider shows, and whether the manager’s machine reaches it.'
}

// ProviderTest asks a provider now, and says its answer in words.
export function ProviderTest({ name, title, size = 'xs' }: { name: string; title: string; size?: 'xs' | 'compact-xs' }) {
  const queries = useQueryClient()
  const test = useMutation({
    mutationFn: () => answer(client.POST('/api/v1/sign-in-providers/{provider}/test', { params: { path: { provider: name } } })),
    onSettled: () => Promise.all(['sign-in-providers', 'sign-in-methods'].map((k) => queries.invalidateQueries({ queryKey: [k] }))),
  })
  return (
    <>
      <Button size={size} variant="default" loading={test.isPending} onClick={() => test.mutate()}>
        Test it now
      </Button>
      {test.data ? (
        <span role="status" style={{ color: test.data.ok ? 'var(--good)' : 'var(--bad)' }}>
          {test.data.ok ? `${title} answered as it is configured.` : `${title} cannot be asked: ${test.data.failure ?? 'no answer'}. ${hint(test.data.failure ?? '')}`}
        </span>
      ) : null}
      <Trouble error={test.error} what={`${title} was not asked`} />
    </>
  )
}
