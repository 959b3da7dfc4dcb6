// What to do where no token is configured: the server sends this page in place of the dashboard.

import { offerOtherLanguage, translate } from './words.js';

translate();
offerOtherLanguage(document.getElementById('language'));
