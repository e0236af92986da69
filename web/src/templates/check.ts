import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { client } from '../api/client'
import { answer } from '../api/refusal'

// useCheck asks the manager, while one types, whether a template would be accepted.
export function useCheck(provider: string, spec: unknown, enabled: boolean) {
  const [asked] = useDebouncedValue(JSON.stringify(spec ?? {}), 350)
  return useQuery({
    queryKey: ['check', provider, asked],
    queryFn: ({ signal }) => answer(client.POST('/api/v1/templates/validate', { body: { provider, spec: JSON.parse(asked) as unknown }, signal })),
    placeholderData: keepPreviousData,
    enabled: enabled && provider !== '',
    retry: false,
  })
}
