/** The page: which files it is made of, and what they may do. Given out by the desktop shell and by `serve`. */
export { readPage, type PageFile, type PageFiles } from './files.ts';
export { pageHeaders, noPageHeaders } from './policy.ts';
