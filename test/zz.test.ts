import { build, buildOptimizer, nn, optim, rand } from 'torcharc';
import { test } from 'vitest';
test('x', async () => {
  const model = build({ dag_in_shape: [8], body: { type: 'Linear', layers: [32, 16], activation: 'ReLU' }, head: { type: 'Linear', out_features: 1 } });
  const g = buildOptimizer({ type: 'AdamW', lr: 1e-3, groups: [{ params: '*.bias', weight_decay: 0 }, { params: ['*.head.*', '*.body.0.*'], lr: 1e-4 }] }, model);
  console.log(g.paramGroups.map(({ params, lr }) => [params.length, lr]));
  const s = new optim.lrScheduler.CosineAnnealingLR(new optim.SGD(model.parameters(), {lr: 1e-3}), { T_max: 10 }); s.step(); s.step(); s.step(); console.log(s.getLastLr());
  const p = new nn.Parameter(rand([512, 512])); const m = new optim.Muon([p]);
  for (let i = 0; i < 3; i++) { m.zeroGrad(); p.square().sum().backward(); const t = performance.now(); await m.step(); console.log('muon', performance.now() - t); }
  const n = 3_000_000;
  for (const [name, C] of Object.entries(optim) as any) { if (!/^[A-Z]/.test(name) || ['Optimizer','Lookahead','LBFGS','Muon'].includes(name)) continue;
    const q = new nn.Parameter(rand([1000, 3000])); const o = new C([q], name==='SGD'?{momentum:0.9}:{});
    const ts = []; for (let i = 0; i < 5; i++) { o.zeroGrad(); q.sum().backward(); const t = performance.now(); await o.step(); ts.push(performance.now() - t); } console.log(name, Math.min(...ts).toFixed(1)); }
});
