/** `longleaf serve`: the page for a browser on this machine. */
export { startHttp, type HttpOptions, type HttpServer } from './server.ts';
