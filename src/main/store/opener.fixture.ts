/** A process that a test kills while it opens the store of a data folder. */
import { databasePaths, openDatabase } from './open.ts';
import { restoreIfAsked } from './restore.ts';

const dataFolder = process.argv[2];
if (dataFolder === undefined) throw new Error('usage: opener.fixture.ts DATA_FOLDER');
process.stdout.write('opening\n');
const paths = databasePaths(dataFolder);
restoreIfAsked(paths);
openDatabase(paths).close();
