/** What of a folder is left out when it is handed in: what tools keep there for themselves. Pure. */

/** Names of files and folders, at any depth. What is installed for the program to use, as node_modules is, stays. */
export const leftOutNames: readonly string[] = ['.git', '__pycache__', '.DS_Store', '.venv', '.idea', '.vscode']

/** The file that makes a folder a virtual environment of Python: its links lead to the interpreter of its own computer. */
export const environmentFile = 'pyvenv.cfg'

/** Whether a path within the folder is, or lies in, one of those names or paths. */
export function isLeftOut(path: string, names: readonly string[] = leftOutNames): boolean {
  const whole = `/${path}/`
  return names.some((name) => whole.includes(`/${name}/`))
}
