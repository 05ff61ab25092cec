export { contract } from './contract.ts';
export type {
  Args,
  ArgsInput,
  CallContext,
  Contract,
  Handlers,
  Item,
  Method,
  Result,
  StreamMethod,
  UnaryMethod,
} from './contract.ts';
export type * from './events.ts';
