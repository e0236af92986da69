import { Link, type ErrorComponentProps } from '@tanstack/react-router'
import { Door } from '../account/Door'
import { Empty } from '../ui/Page'
import { Trouble } from '../ui/Trouble'

export function NotFound() {
  return (
    <Empty title="There is nothing at this address">
      <p>The thing may have been removed, or the link is not complete.</p>
      <Link to="/">Go to the overview</Link>
    </Empty>
  )
}

export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <Door name="Trouble">
      <Trouble error={error} what="The console cannot show this" />
      <p>
        <button type="button" onClick={reset}>
          Try again
        </button>
      </p>
    </Door>
  )
}
