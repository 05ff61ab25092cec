/** The page begins here. */
import { mount } from 'svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/controls.css';
import './styles/layout.css';
import './styles/japanese.css';
import './styles/forced-colors.css';
import App from './App.svelte';
import { core } from './stores/core.svelte.ts';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app.');
mount(App, { target });
void core.run();
