import { Hono } from "hono";

export default new Hono(); // nobody asks it anything here
