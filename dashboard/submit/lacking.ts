/** What of an earlier request is not in the form that begins from it. Pure. */
import type { KeptRequest } from '../../src/api/request.ts'

const names: Readonly<Record<KeptRequest['withheld'][number], string>> = {
  code: 'the code',
  args: 'the arguments',
  env: 'the values of its environment',
  stdin: 'its standard input',
  input: 'its input',
}

/** In words for whoever fills the form in. */
export function lackingOf({ request, archive, withheld }: KeptRequest): string[] {
  const hidden = [...withheld.map((name) => names[name]), ...(archive && withheld.length > 0 ? ['the archive'] : [])]
  const broken = [...(request.args ?? []), ...Object.values(request.env ?? {})].some((text) => /[\r\n]/.test(text))
  return [
    ...(hidden.length > 0 ? [`Only the key that handed it in, or an admin, is told ${hidden.join(', ')}.`] : []),
    ...(archive && !archive.kept ? ['Its archive is not kept any more: choose the files anew.'] : []),
    ...(broken
      ? ['It had arguments or variables with line breaks, which these fields cannot hold: look at them.']
      : []),
  ]
}
