/** The name of the page that is shown, as tabs and screen readers tell it. */
import { useEffect } from 'react'

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Vulcan`
  }, [title])
}
