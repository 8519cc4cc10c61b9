// A page that is nothing but a list.

import { keepList } from "./lists.js";

keepList();
